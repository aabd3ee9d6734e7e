import type { ResolvedBackpressure } from "../../job/rate-options.ts";
import type { BatchInfo } from "../../model/events.ts";
import { PidRateEstimator } from "./pid-rate-estimator.ts";

/** The rate of each stream, found from its completed batches. Spark: `RateController`. */
export class Backpressure {
  readonly #options: ResolvedBackpressure;
  readonly #intervalMs: number;
  readonly #estimators = new Map<string, PidRateEstimator>();
  readonly #rates = new Map<string, number>();

  constructor(options: ResolvedBackpressure, intervalMs: number) {
    this.#options = options;
    this.#intervalMs = intervalMs;
  }

  /** Records per second of the whole stream. */
  rateOf(source: string): number {
    return this.#rates.get(source) ?? this.#options.initialRate;
  }

  /** A batch has succeeded. */
  completed({
    inputs,
    processingEndTime,
    processingDelay,
    schedulingDelay,
  }: Omit<BatchInfo, "outputs" | "failure">): void {
    if (processingEndTime === undefined || processingDelay === undefined) return;
    // More than an interval late is only a batch that ran again, or was planned by an earlier run: that says nothing about the load.
    const late = Math.min(this.#intervalMs, schedulingDelay ?? 0);
    for (const { name, records } of inputs) {
      const rate = this.#estimatorOf(name).compute({
        time: processingEndTime,
        records,
        processingDelay,
        schedulingDelay: late,
      });
      if (rate !== undefined) this.#rates.set(name, rate);
    }
  }

  #estimatorOf(source: string): PidRateEstimator {
    let estimator = this.#estimators.get(source);
    if (estimator === undefined) {
      estimator = new PidRateEstimator(this.#options, this.#intervalMs);
      this.#estimators.set(source, estimator);
    }
    return estimator;
  }
}
