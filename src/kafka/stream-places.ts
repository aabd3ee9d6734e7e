import { assert, MillraceError } from "../model/errors.ts";
import type { DataLoss } from "../model/events.ts";
import type { TopicPartition } from "../model/offset-range.ts";
import { lastRanges, PartitionMap } from "../model/partition-map.ts";
import type { Position, Slice } from "../model/plan.ts";
import type { Backlog } from "./clamp.ts";
import { bordersOf, compareLogs } from "./compare-logs.ts";
import { Backoff } from "./connection/backoff.ts";
import type { KafkaCluster } from "./connection/cluster.ts";
import { type LossAtPlace, lossAt, offsetsLost, type PartitionContent, type Place } from "./data-loss.ts";
import { type FirstOffsets, firstOffsets } from "./first-offsets.ts";
import type { TopicSelection } from "./subscription.ts";
import { partitionsNow, partitionsOf, type SelectedPartition, strangersIn } from "./topic-selection.ts";

export interface StreamPlacesOptions extends FirstOffsets {
  readonly topics: TopicSelection;
  readonly failOnDataLoss: boolean;
}

/** What there is to read, by the places of a stream and in their order. */
export interface Outlook {
  readonly backlogs: readonly Backlog[];
  readonly lost: readonly DataLoss[];
}

/** Where a direct stream stands in each partition, and which partitions these are: they may come and go while it runs. */
export class StreamPlaces {
  readonly #cluster: KafkaCluster;
  readonly #options: StreamPlacesOptions;
  #selected: readonly SelectedPartition[] = [];
  #lookedUpAt = Number.NEGATIVE_INFINITY;
  #places: readonly Place[] = [];
  #placeAt = new PartitionMap<Place>();

  constructor(cluster: KafkaCluster, options: StreamPlacesOptions) {
    this.#cluster = cluster;
    this.#options = options;
  }

  /** Topics by name, partitions by number. */
  get all(): readonly Place[] {
    return this.#places;
  }

  /** Finds the first places, or takes up those of the run before. @throws TOPIC_NOT_FOUND, OFFSETS_LOST, BAD_OPTION */
  async open(signal: AbortSignal, restored: readonly Position[] | undefined): Promise<void> {
    const { topics, failOnDataLoss } = this.#options;
    if (restored === undefined) {
      this.#selected = await partitionsOf(this.#cluster, topics, signal);
      this.#lookedUpAt = performance.now();
      const offsets = await firstOffsets(this.#cluster, this.#selected, this.#options, signal);
      const places = this.#selected.map(async (one) =>
        // By the answer about the topics, which no offset was found without.
        placeAt(one, offsets.get(one)!, (await this.#cluster.findLeader(one, signal))?.leaderEpoch),
      );
      const found = await Promise.all(places);
      const borders = await bordersOf(this.#cluster, found, signal);
      this.#stand(found.map((place) => ({ ...place, epochBorder: borders.get(place) })));
      // A group may have committed long ago.
      if (this.#options.startFrom !== undefined && failOnDataLoss) await this.look(signal);
      return;
    }
    const strangers = strangersIn(topics, restored);
    if (strangers !== undefined) await partitionsOf(this.#cluster, strangers, signal);
    this.#stand(restored.map(toPlace));
    // A batch that is pending may be about to read what would be told as lost here.
    if (failOnDataLoss) await this.look(signal);
  }

  /**
   * Asks what there is, now and then also for new partitions: they are read from their first record. A place whose records are lost is
   * left for where the stream can go on.
   * @throws OFFSETS_LOST where that is not wanted
   */
  async look(signal: AbortSignal): Promise<Outlook> {
    const isDue = performance.now() - this.#lookedUpAt >= this.#cluster.params.metadataMaxAgeMs;
    let content = isDue ? undefined : await this.#ask(signal);
    // Only what was looked up just now, and what the leader of now says, counts as lost.
    if (content !== undefined && (this.#lossesBy(content).length > 0 || this.#isOfEarlierLeader(content))) {
      content = undefined;
    }
    const backoff = new Backoff(Number.POSITIVE_INFINITY, signal);
    while (content === undefined) {
      this.#selected = await partitionsNow(this.#cluster, this.#options.topics, this.#places, signal);
      this.#lookedUpAt = performance.now();
      content = await this.#ask(signal);
      // Brokers may disagree for a moment.
      if (content === undefined) await backoff.pause();
    }
    const [first, ...others] = this.#lossesBy(content);
    const losses = first === undefined ? [] : ([first, ...others] as const);
    if (first !== undefined && this.#options.failOnDataLoss) throw offsetsLost([first, ...others]);
    this.#goOn(content, losses);
    return {
      backlogs: this.#places.map((place) => ({ ...place, position: place.offset, latest: place.end })),
      lost: losses.map(({ range, reason }) => ({ range, reason })),
    };
  }

  /** Something was not as it was planned: the next look asks for everything. */
  lookCloser(): void {
    this.#lookedUpAt = Number.NEGATIVE_INFINITY;
  }

  /** A batch of these slices is complete. */
  move(slices: readonly Slice[]): void {
    const places = PartitionMap.of(this.#places);
    for (const slice of lastRanges(slices).values()) {
      const { untilOffset: offset } = slice;
      places.set(slice, { ...toPlace({ ...slice, offset }), end: Math.max(offset, places.get(slice)?.end ?? 0) });
    }
    this.#stand([...places.values()]);
  }

  #stand(places: readonly Place[]): void {
    this.#places = inOrder(places);
    this.#placeAt = PartitionMap.of(this.#places);
  }

  /** Undefined when a topic is there no longer. */
  async #ask(signal: AbortSignal): Promise<PartitionMap<PartitionContent> | undefined> {
    try {
      const ends = await this.#cluster.ends(this.#selected, signal);
      // Where the stream has read to the end, nothing that it wants can have expired: a stream that waits asks each leader only once.
      const unread = this.#selected.filter((partition) => {
        const place = this.#placeAt.get(partition);
        return place?.topicId !== partition.topicId || place.offset !== ends.get(partition)!.offset;
      });
      const changed = this.#selected.flatMap((partition) => {
        const place = this.#placeAt.get(partition);
        if (place?.topicId !== partition.topicId || place.leaderEpoch === undefined) return [];
        const { leaderEpoch: epoch } = place;
        const isLater = (ends.get(partition)!.leaderEpoch ?? epoch) > epoch;
        return isLater ? [{ ...partition, place, epoch }] : [];
      });
      const earliest = await this.#cluster.earliestOffsets(unread, signal);
      const compared = await compareLogs(this.#cluster, changed, signal);
      const contentOf = (partition: SelectedPartition): [SelectedPartition, PartitionContent] => {
        const { topicId } = partition;
        const { offset: end, leaderEpoch } = ends.get(partition)!;
        const first = earliest.get(partition) ?? end;
        // Asked one after the other: records may have come and expired in between.
        const latest = Math.max(first, end);
        const { commonEnd, border: epochBorder } = compared.get(partition) ?? {};
        return [partition, { topicId, earliest: first, latest, leaderEpoch, commonEnd, epochBorder }];
      };
      return new PartitionMap(this.#selected.map(contentOf));
    } catch (error) {
      if (MillraceError.is(error, "TOPIC_NOT_FOUND")) return undefined;
      throw error;
    }
  }

  #lossesBy(content: PartitionMap<PartitionContent>): LossAtPlace[] {
    const { autoOffsetReset } = this.#cluster.params;
    return this.#places.flatMap((place) => lossAt(place, content.get(place), autoOffsetReset) ?? []);
  }

  /** A broker that does not know yet that another one has taken over. */
  #isOfEarlierLeader(content: PartitionMap<PartitionContent>): boolean {
    return this.#places.some((place) => {
      const { leaderEpoch } = content.get(place) ?? {};
      return leaderEpoch !== undefined && place.leaderEpoch !== undefined && leaderEpoch < place.leaderEpoch;
    });
  }

  #goOn(content: PartitionMap<PartitionContent>, losses: readonly LossAtPlace[]): void {
    const moved = new PartitionMap(losses.map(({ place, goOnAt }) => [place, goOnAt]));
    this.#stand(
      this.#selected.map((partition) => {
        const { earliest, latest, leaderEpoch, epochBorder } = content.get(partition)!;
        const place = this.#placeAt.get(partition);
        // Of another life of the topic, or of a leader that does not say, nothing is known.
        const known = place?.topicId === partition.topicId && place.leaderEpoch === leaderEpoch;
        // A partition that is new is read from its first record: what was written before it was found is not to be missed.
        const offset = moved.get(partition) ?? place?.offset ?? earliest;
        const border = known ? place.epochBorder : epochBorder;
        return { ...partition, offset, end: Math.max(offset, latest), leaderEpoch, epochBorder: border };
      }),
    );
  }
}

function placeAt(partition: SelectedPartition, offset: number, leaderEpoch: number | undefined): Place {
  return { ...partition, offset, end: offset, leaderEpoch };
}

function toPlace({ topic, partition, topicId, offset, leaderEpoch, epochBorder }: Position): Place {
  assert(topicId !== undefined, `the checkpoint has ${topic}-${partition} without the id of its topic`);
  return { ...placeAt({ topic, partition, topicId }, offset, leaderEpoch), epochBorder };
}

function inOrder<P extends TopicPartition>(partitions: readonly P[]): P[] {
  return partitions.toSorted((a, b) => (a.topic === b.topic ? a.partition - b.partition : a.topic < b.topic ? -1 : 1));
}
