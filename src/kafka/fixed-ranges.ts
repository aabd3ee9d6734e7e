import type { PlannedSlices, SourcePlanner } from "../graph/source.ts";
import { MillraceError } from "../model/errors.ts";
import { OffsetRange } from "../model/offset-range.ts";
import { isInteger, shown } from "../model/options.ts";
import { PartitionMap } from "../model/partition-map.ts";
import type { Position, Slice } from "../model/plan.ts";
import type { KafkaCluster } from "./connection/cluster.ts";

/** @throws BAD_OPTION for what is no offset range. */
export function checkRanges(ranges: readonly OffsetRange[]): void {
  const isOffset = isInteger(0);
  for (const range of Array.isArray(ranges) ? ranges : [ranges]) {
    const { topic, partition, fromOffset, untilOffset } = (range ?? {}) as Partial<OffsetRange>;
    const numbers = [partition, fromOffset, untilOffset].every((n) => isOffset(n) === undefined);
    if (typeof topic === "string" && numbers && fromOffset! <= untilOffset!) continue;
    throw new MillraceError("BAD_OPTION", `This is no offset range: ${shown(range)}.`, {
      hint: 'Write { topic: "page-views", partition: 0, fromOffset: 0, untilOffset: 100 }, fromOffset not above untilOffset.',
    });
  }
}

/** The driver's side of createRDD: checks once that every range is there. Spark: the check in `createRDD` of the 0-8 connector. */
export class FixedRangesPlanner implements SourcePlanner {
  readonly #cluster: KafkaCluster;
  readonly #ranges: readonly OffsetRange[];
  #slices: readonly Slice[] = [];

  constructor(cluster: KafkaCluster, ranges: readonly OffsetRange[]) {
    this.#cluster = cluster;
    this.#ranges = ranges;
  }

  async open(signal: AbortSignal): Promise<void> {
    const topics = await this.#cluster.topics([...new Set(this.#ranges.map(({ topic }) => topic))], signal);
    const ids = new Map(topics.map(({ topic, topicId }) => [topic, topicId]));
    // Brokers refuse a question that names a partition twice.
    const partitions = [...PartitionMap.of(this.#ranges).values()];
    const [earliest, ends] = await Promise.all([
      this.#cluster.earliestOffsets(partitions, signal),
      this.#cluster.ends(partitions, signal),
    ]);
    const missing = this.#ranges.filter((range) => {
      return range.fromOffset < earliest.get(range)! || range.untilOffset > ends.get(range)!.offset;
    });
    if (missing.length > 0) {
      const there = missing.map((range) => `${earliest.get(range)} to ${ends.get(range)!.offset}`);
      throw new MillraceError("OFFSETS_LOST", `Not on the broker: ${missing.map(OffsetRange.format).join(", ")}.`, {
        hint: `It has offsets ${there.join(", ")}.`,
        at: missing[0]!,
      });
    }
    this.#slices = this.#ranges.map((range) => {
      const { leaderEpoch } = ends.get(range)!;
      return { ...range, topicId: ids.get(range.topic)!, ...(leaderEpoch !== undefined && { leaderEpoch }) };
    });
  }

  async plan(): Promise<PlannedSlices> {
    return {
      slices: this.#slices,
      records: this.#slices.reduce((sum, slice) => sum + OffsetRange.count(slice), 0),
      lag: 0,
    };
  }

  positions(): readonly Position[] {
    return [];
  }

  async awaitData(): Promise<void> {}

  complete(): void {}

  close(): Promise<void> {
    return this.#cluster.close();
  }
}
