import type { ResolvedOptions } from "../job/options.ts";
import type { Clock } from "../model/clock.ts";
import type { Time } from "../model/duration.ts";
import { OffsetRange } from "../model/offset-range.ts";
import { type PartitionRates, rateOf } from "../model/partition-rates.ts";
import type { BatchPlan } from "../model/plan.ts";
import { type BatchClock, intervalClock, passingNoWindow, unpausedClock } from "./batch-clock.ts";
import type { LookingBack } from "./look-back.ts";
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
  { states, windows, panes }: Pick<LookingBack, "states" | "windows" | "panes">,
): Trigger {
  const looksBack = states.length + windows.length > 0;
  const unpaused = passingNoWindow(unpausedClock(clock, batchIntervalMs), panes);
  switch (trigger) {
    case "interval":
      return { ...passingNoWindow(intervalClock(clock, batchIntervalMs), panes), judge: () => "run" };
    case "availableNow":
      return { ...unpaused, judge: (planned) => (holdsNothing(planned) ? "end" : "run") };
    case "onData":
      return new DataTrigger({
        clock,
        unpaused,
        intervalMs: batchIntervalMs,
        maxRates: maxRatePerPartition,
        streams,
        looksBack,
      });
  }
}

interface DataTriggerParts {
  readonly clock: Clock;
  readonly unpaused: BatchClock;
  readonly intervalMs: number;
  readonly maxRates: PartitionRates | undefined;
  readonly streams: readonly Stream[];
  /** Whether there are windows or states: they wait for a batch to end, to slide or to time out, with or without data. */
  readonly looksBack: boolean;
}

/** The streams are asked again after that time at the earliest, also when none has said that it has data: there may be new partitions. */
const LOOK_AGAIN_MS = 1_000;

/**
 * A batch as soon as there is data. After a batch the next plan is made at once, since a busy stream has new data by then. A plan that
 * holds nothing is dropped, and the streams say when they have something. Only where windows or states wait for a batch it runs, when the
 * one before is an interval ago.
 */
class DataTrigger implements Trigger {
  readonly #parts: DataTriggerParts;
  #lastRun = Number.NEGATIVE_INFINITY;
  #wait: (signal: AbortSignal) => Promise<void> = async () => {};

  constructor(parts: DataTriggerParts) {
    this.#parts = parts;
  }

  async next(last: Time | undefined, signal: AbortSignal, complete?: Time): Promise<Time> {
    await this.#wait(signal);
    return await this.#parts.unpaused.next(last, signal, complete);
  }

  after(last: Time): Time {
    return this.#parts.unpaused.after(last);
  }

  judge(planned: PlannedBatch): "run" | "drop" {
    const { clock, intervalMs, maxRates, looksBack } = this.#parts;
    // A clock that was set back must not put off the next batch by as much.
    this.#lastRun = Math.min(this.#lastRun, clock.now());
    const isDue = looksBack && clock.now() - this.#lastRun >= intervalMs;
    if (holdsNothing(planned) && !isDue) {
      this.#wait = (signal) => this.#untilData(signal);
      return "drop";
    }
    this.#lastRun = clock.now();
    // The rate is kept without a tick: what a batch has read must have taken its time before the next one reads.
    const pauseMs = durationAtMaxRates(planned.plan, maxRates);
    const due = this.#lastRun + pauseMs;
    // While the batch ran, the clock may have been set back.
    this.#wait = (signal) => clock.sleepUntil(Math.min(due, clock.now() + pauseMs), signal);
    return "run";
  }

  async #untilData(signal: AbortSignal): Promise<void> {
    const { clock, intervalMs, streams, looksBack } = this.#parts;
    const lookAgain = looksBack ? this.#lastRun + intervalMs : clock.now() + Math.max(LOOK_AGAIN_MS, intervalMs);
    const over = new AbortController();
    const either = AbortSignal.any([signal, over.signal]);
    try {
      await Promise.race([
        ...streams.map(({ planner }) => planner.awaitData(either)),
        clock.sleepUntil(lookAgain, either),
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
