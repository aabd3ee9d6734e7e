import type { BatchLimits, PlannedSlices, ReadSize, SourcePlanner } from "../graph/source.ts";
import { MillraceError } from "../model/errors.ts";
import { splitRanges, type TopicPartition } from "../model/offset-range.ts";
import type { Position, Slice } from "../model/plan.ts";
import { clamp } from "./clamp.ts";
import { type KafkaCluster, partitionKey } from "./connection/cluster.ts";
import { DataWatch } from "./data-watch.ts";
import { type FirstOffsets, firstOffsets } from "./first-offsets.ts";
import { restoredOffsets } from "./restored-offsets.ts";
import type { TopicSelection } from "./subscription.ts";
import { partitionsOf, type SelectedPartition } from "./topic-selection.ts";

export interface DirectStreamPlan extends FirstOffsets {
  readonly topics: TopicSelection;
  readonly minPartitions: number | undefined;
}

/** What a record takes on the wire, until the first batch has shown it. Rather too much: the first batch is then a small one. */
const BYTES_PER_OFFSET_AT_FIRST = 1024;

/** The driver's side of a direct stream: where it stands in each partition, and how far each batch goes. */
export class DirectStreamPlanner implements SourcePlanner {
  readonly #cluster: KafkaCluster;
  readonly #plan: DirectStreamPlan;
  readonly #watch: DataWatch;
  #partitions: readonly SelectedPartition[] = [];
  #positions = new Map<string, number>();
  #bytesPerOffset = BYTES_PER_OFFSET_AT_FIRST;

  constructor(cluster: KafkaCluster, plan: DirectStreamPlan) {
    this.#cluster = cluster;
    this.#plan = plan;
    this.#watch = new DataWatch(cluster);
  }

  async open(signal: AbortSignal, restored: readonly Position[] | undefined): Promise<void> {
    this.#partitions = await partitionsOf(this.#cluster, this.#plan.topics, signal);
    this.#positions =
      restored === undefined
        ? await firstOffsets(this.#cluster, this.#partitions, this.#plan, signal)
        : await restoredOffsets(this.#cluster, this.#partitions, restored, signal);
  }

  positions(): readonly Position[] {
    return this.#partitions.map(({ topic, partition, topicId }) => ({
      topic,
      partition,
      topicId,
      offset: this.#position({ topic, partition }),
    }));
  }

  async plan(limits: BatchLimits, signal: AbortSignal): Promise<PlannedSlices> {
    const latest = await this.#cluster.latestOffsets(this.#partitions, signal);
    const backlogs = this.#partitions.map((partition) => {
      const backlog = {
        ...partition,
        position: this.#position(partition),
        latest: latest.get(partitionKey(partition))!,
      };
      if (backlog.latest < backlog.position) throw offsetsWentBack(partition, backlog);
      return backlog;
    });
    const untils = clamp(backlogs, limits, this.#bytesPerOffset);
    const slices = this.#partitions.map(
      ({ topic, partition, topicId }, i): Slice => ({
        topic,
        partition,
        topicId,
        fromOffset: backlogs[i]!.position,
        untilOffset: untils[i]!,
      }),
    );
    const partitions = backlogs.map(({ topic, partition, latest }, i) => ({
      topic,
      partition,
      lag: latest - untils[i]!,
    }));
    return {
      slices: this.#plan.minPartitions === undefined ? slices : splitRanges(slices, this.#plan.minPartitions),
      records: slices.reduce((sum, { fromOffset, untilOffset }) => sum + untilOffset - fromOffset, 0),
      lag: partitions.reduce((sum, { lag }) => sum + lag, 0),
      partitions,
    };
  }

  awaitData(signal: AbortSignal): Promise<void> {
    const positions = this.#partitions.map((partition) => ({ ...partition, offset: this.#position(partition) }));
    return this.#watch.untilData(positions, signal);
  }

  complete(slices: readonly Slice[], { records, bytes }: ReadSize): void {
    for (const slice of slices) {
      const key = partitionKey(slice);
      this.#positions.set(key, Math.max(this.#positions.get(key) ?? 0, slice.untilOffset));
    }
    if (records > 0) this.#bytesPerOffset = Math.max(1, bytes / records);
  }

  close(): Promise<void> {
    return this.#cluster.close();
  }

  #position(partition: TopicPartition): number {
    return this.#positions.get(partitionKey(partition)) ?? 0;
  }
}

function offsetsWentBack(
  { topic, partition }: TopicPartition,
  { position, latest }: { position: number; latest: number },
): MillraceError {
  return new MillraceError(
    "OFFSETS_LOST",
    `${topic}-${partition} ends at offset ${latest}, but the stream has already read to ${position}.`,
    {
      hint: "The topic was deleted and created again, or an unclean leader election cut it. Decide where to go on, and start again with fromOffsets.",
      at: { topic, partition, offset: position },
    },
  );
}
