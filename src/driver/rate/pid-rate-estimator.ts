import type { ResolvedBackpressure } from "../../job/rate-options.ts";

/** What a completed batch says about how fast the job is. Times and durations in milliseconds. */
export interface BatchMeasure {
  /** When it was completed. */
  readonly time: number;
  readonly records: number;
  readonly processingDelay: number;
  /** How late it started. */
  readonly schedulingDelay: number;
}

/**
 * How many records per second a job can process, from the batches before. The error is the rate of the batch before minus what was really
 * processed; the integral is the number of records that the delay stands for, spread over an interval. Spark: `PIDRateEstimator`.
 */
export class PidRateEstimator {
  readonly #options: ResolvedBackpressure;
  readonly #intervalMs: number;
  #latest: { readonly time: number; readonly rate: number; readonly error: number } | undefined;

  constructor(options: ResolvedBackpressure, intervalMs: number) {
    this.#options = options;
    this.#intervalMs = intervalMs;
  }

  /** @returns records per second, or undefined when the batch says nothing: without records, or as the first one. */
  compute({ time, records, processingDelay, schedulingDelay }: BatchMeasure): number | undefined {
    if (records <= 0) return undefined;
    // A clock of milliseconds shows nothing of a batch that was faster. To learn nothing from it would keep the rate low for ever.
    const processed = (records / Math.max(1, processingDelay)) * 1000;
    if (this.#latest === undefined) {
      this.#latest = { time, rate: processed, error: 0 };
      return undefined;
    }
    const { proportional, integral, derived, minRate } = this.#options;
    const error = this.#latest.rate - processed;
    const historical = (schedulingDelay * processed) / this.#intervalMs;
    const secondsSince = Math.max(1, time - this.#latest.time) / 1000;
    const change = (error - this.#latest.error) / secondsSince;
    const rate = Math.max(minRate, this.#latest.rate - proportional * error - integral * historical - derived * change);
    this.#latest = { time, rate, error };
    return rate;
  }
}
