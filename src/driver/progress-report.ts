import type { Time } from "../model/duration.ts";
import type { BatchInfo } from "../model/events.ts";
import type { OffsetRange } from "../model/offset-range.ts";
import type { RunningPlan } from "../model/plan.ts";
import type { OffsetsByTopic, StepDurations, StreamProgress } from "../model/progress.ts";

/** Turns completed batches into what `onProgress` is told. */
export class ProgressReport {
  #lastTime: Time | undefined;

  /** `nextRateOf` gives the rate of the stream of that name. */
  of(
    { appName, seq, epoch, batchTime }: RunningPlan,
    { inputs, missedTicks, schedulingDelay = 0 }: BatchInfo,
    durations: StepDurations,
    nextRateOf: (source: string) => number | undefined,
  ): StreamProgress {
    const sum = (of: "records" | "lag") => inputs.reduce((total, input) => total + input[of], 0);
    const records = sum("records");
    const sinceLast = this.#lastTime === undefined ? 0 : batchTime - this.#lastTime;
    this.#lastTime = batchTime;
    return {
      appName,
      seq,
      epoch,
      batchTime,
      missedTicks,
      records,
      lag: sum("lag"),
      inputRate: rate(records, sinceLast),
      processedRate: rate(records, durations.processing),
      schedulingDelay,
      durations,
      sources: inputs.map(({ name, records, lag, offsetRanges }) => ({
        name,
        records,
        lag,
        nextRate: oneDecimal(nextRateOf(name) ?? null),
        startOffsets: offsetsOf(offsetRanges, ({ fromOffset }) => fromOffset, Math.min),
        endOffsets: offsetsOf(offsetRanges, ({ untilOffset }) => untilOffset, Math.max),
      })),
    };
  }
}

function rate(records: number, ms: number): number | null {
  return ms > 0 ? oneDecimal((records * 1000) / ms) : null;
}

function oneDecimal<N extends number | null>(value: N): N {
  return (value === null ? null : Math.round(value * 10) / 10) as N;
}

/** A partition that was split into several ranges counts as one. */
function offsetsOf(
  ranges: readonly OffsetRange[],
  offsetOf: (range: OffsetRange) => number,
  merge: (a: number, b: number) => number,
): OffsetsByTopic {
  const offsets = new Map<string, { [partition: number]: number }>();
  for (const range of ranges) {
    const { topic, partition } = range;
    const ofTopic = offsets.get(topic) ?? {};
    offsets.set(topic, ofTopic);
    ofTopic[partition] = merge(offsetOf(range), ofTopic[partition] ?? offsetOf(range));
  }
  return Object.fromEntries(offsets);
}
