import type { ResolvedOptions } from "../job/options.ts";
import type { Clock } from "../model/clock.ts";
import { OffsetRange } from "../model/offset-range.ts";
import { type PartitionRates, rateOf } from "../model/partition-rates.ts";
import type { BatchPlan } from "../model/plan.ts";
import { type BatchClock, intervalClock, unpausedClock } from "./batch-clock.ts";
import type { PlannedBatch, Stream } from "./plan-batch.ts";

/** When batches are planned, and which plans run. */
export interface Trigger extends BatchClock {
  /** Of a plan that was made in time: it runs, it holds nothing and another one is made later, or there is nothing more to come. */
  judge(planned: PlannedBatch): "run" | "drop" | "end";
}

export function triggerOf(
  { trigger, batchIntervalMs, maxRatePerPartition }: ResolvedOptions,
  clock: Clock,
  streams: readonly Stream[],
): Trigger {
  switch (trigger) {
    case "interval":
      return { ...intervalClock(clock, batchIntervalMs), judge: () => "run" };
    case "availableNow":
      return { ...unpausedClock(clock), judge: (planned) => (holdsNothing(planned) ? "end" : "run") };
    case "onData":
      return new DataTrigger(clock, batchIntervalMs, maxRatePerPartition, streams);
  }
}

/** The streams are asked again after that time at the earliest, also when none has said that it has data: there may be new partitions. */
const LOOK_AGAIN_MS = 1_000;

/**
 * A batch as soon as there is data. After a batch the next plan is made at once, since a busy stream has new data by then. A plan that
 * holds nothing is dropped, and the streams say when they have something.
 */
class DataTrigger implements Trigger {
  readonly #clock: Clock;
  readonly #unpaused: BatchClock;
  readonly #lookAgainMs: number;
  readonly #maxRates: PartitionRates | undefined;
  readonly #streams: readonly Stream[];
  #wait: (signal: AbortSignal) => Promise<void> = async () => {};

  constructor(clock: Clock, intervalMs: number, maxRates: PartitionRates | undefined, streams: readonly Stream[]) {
    this.#clock = clock;
    this.#unpaused = unpausedClock(clock);
    this.#lookAgainMs = Math.max(LOOK_AGAIN_MS, intervalMs);
    this.#maxRates = maxRates;
    this.#streams = streams;
  }

  async next(last: number | undefined, signal: AbortSignal): Promise<number> {
    await this.#wait(signal);
    return await this.#unpaused.next(last, signal);
  }

  judge(planned: PlannedBatch): "run" | "drop" {
    if (holdsNothing(planned)) {
      this.#wait = (signal) => this.#untilData(signal);
      return "drop";
    }
    // The rate is kept without a tick: what a batch has read must have taken its time before the next one reads.
    const due = this.#clock.now() + durationAtMaxRates(planned.plan, this.#maxRates);
    this.#wait = (signal) => this.#clock.sleepUntil(due, signal);
    return "run";
  }

  async #untilData(signal: AbortSignal): Promise<void> {
    const over = new AbortController();
    const either = AbortSignal.any([signal, over.signal]);
    try {
      await Promise.race([
        ...this.#streams.map(({ planner }) => planner.awaitData(either)),
        this.#clock.sleepUntil(this.#clock.now() + this.#lookAgainMs, either),
      ]);
    } finally {
      over.abort();
    }
  }
}

/** How many milliseconds the slices stand for, if each partition gave as much as it may. */
function durationAtMaxRates({ slices }: BatchPlan, rates: PartitionRates | undefined): number {
  if (rates === undefined) return 0;
  let longest = 0;
  for (const ofSource of Object.values(slices)) {
    const counts = new Map<string, number>();
    for (const slice of ofSource) {
      const rate = rateOf(rates, slice);
      if (rate === undefined) continue;
      const key = `${slice.topic}-${slice.partition}`;
      const count = (counts.get(key) ?? 0) + OffsetRange.count(slice);
      counts.set(key, count);
      longest = Math.max(longest, (count * 1000) / rate);
    }
  }
  return longest;
}

function holdsNothing({ inputs }: PlannedBatch): boolean {
  return inputs.every(({ records, lag }) => records + lag === 0);
}
