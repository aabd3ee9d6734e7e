import type { BatchLimits, PlannedSlices, ReadSize, SourcePlanner, Warn } from "../graph/source.ts";
import { splitRanges } from "../model/offset-range.ts";
import type { Position, Slice } from "../model/plan.ts";
import type { OperatorName } from "../operators/receiver.ts";
import { clamp } from "./clamp.ts";
import { refuseCompacted } from "./compacted-topics.ts";
import type { KafkaCluster } from "./connection/cluster.ts";
import { ConsumerGroup } from "./connection/consumer-group.ts";
import { DataWatch } from "./data-watch.ts";
import { GroupCommits } from "./group-commits.ts";
import { StreamPlaces, type StreamPlacesOptions } from "./stream-places.ts";

export interface DirectStreamPlan extends StreamPlacesOptions {
  readonly minPartitions: number | undefined;
  /** The group that is told how far the stream has come. */
  readonly commitTo: string | undefined;
}

/** What a record takes on the wire, until the first batch has shown it. Rather too much: the first batch is then a small one. */
const BYTES_PER_OFFSET_AT_FIRST = 1024;

/** The driver's side of a direct stream: where it stands in each partition, and how far each batch goes. */
export class DirectStreamPlanner implements SourcePlanner {
  readonly #cluster: KafkaCluster;
  readonly #plan: DirectStreamPlan;
  readonly #warn: Warn;
  readonly #watch: DataWatch;
  readonly #places: StreamPlaces;
  readonly #commits: GroupCommits | undefined;
  #bytesPerOffset = BYTES_PER_OFFSET_AT_FIRST;

  constructor(cluster: KafkaCluster, plan: DirectStreamPlan, warn: Warn) {
    this.#cluster = cluster;
    this.#plan = plan;
    this.#warn = warn;
    this.#watch = new DataWatch(cluster);
    this.#places = new StreamPlaces(cluster, plan);
    const { commitTo } = plan;
    this.#commits = commitTo === undefined ? undefined : new GroupCommits(new ConsumerGroup(cluster, commitTo), warn);
  }

  async open(signal: AbortSignal, restored: readonly Position[] | undefined): Promise<void> {
    await this.#places.open(signal, restored);
    if (this.#places.all.length > 0) return;
    // Names are refused instead. A pattern that was mistyped would wait for ever, and nobody would know.
    const pattern = String(this.#plan.topics);
    this.#warn({ pattern }, `No topic matches ${pattern} yet. The first one that does is read from its first record.`);
  }

  async refuseUnrepeatable(window: OperatorName, signal: AbortSignal): Promise<void> {
    const topics = new Set(this.#places.all.map(({ topic }) => topic));
    const how = { window, accepted: !this.#plan.failOnDataLoss, warn: this.#warn };
    await refuseCompacted(this.#cluster, [...topics], how, signal);
  }

  positions(): readonly Position[] {
    return this.#places.all.map(({ topic, partition, topicId, offset, leaderEpoch, epochBorder }) => ({
      topic,
      partition,
      topicId,
      offset,
      ...(leaderEpoch !== undefined && { leaderEpoch }),
      ...(epochBorder !== undefined && { epochBorder }),
    }));
  }

  async plan(limits: BatchLimits, signal: AbortSignal): Promise<PlannedSlices> {
    const { backlogs, lost } = await this.#places.look(signal);
    const untils = clamp(backlogs, limits, this.#bytesPerOffset);
    const slices = this.#places.all.map(
      ({ topic, partition, topicId, leaderEpoch, epochBorder }, i): Slice => ({
        topic,
        partition,
        topicId,
        fromOffset: backlogs[i]!.position,
        untilOffset: untils[i]!,
        ...(leaderEpoch !== undefined && { leaderEpoch }),
        ...(epochBorder !== undefined && { epochBorder }),
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
      lost,
    };
  }

  awaitData(signal: AbortSignal): Promise<void> {
    return this.#watch.untilData(this.#places.all, signal);
  }

  complete(slices: readonly Slice[], { records, bytes, lossy }: ReadSize): void {
    this.#places.move(slices);
    if (lossy) this.#places.lookCloser();
    this.#commits?.offer(this.#places.all);
    if (records > 0) this.#bytesPerOffset = Math.max(1, bytes / records);
  }

  async close(): Promise<void> {
    await this.#commits?.flush();
    await this.#cluster.close();
  }
}
