import type { OffsetRange, TopicPartition } from "./offset-range.ts";

/** Values by partition. A text for each of thousands of partitions, as the key of a map, took most of the time of a plan. */
export class PartitionMap<V> {
  readonly #topics = new Map<string, Map<number, V>>();

  constructor(entries: Iterable<readonly [TopicPartition, V]> = []) {
    for (const [at, value] of entries) this.set(at, value);
  }

  /** Those of which each names its own partition. */
  static of<P extends TopicPartition>(partitions: Iterable<P>): PartitionMap<P> {
    const map = new PartitionMap<P>();
    for (const partition of partitions) map.set(partition, partition);
    return map;
  }

  get size(): number {
    return [...this.#topics.values()].reduce((sum, { size }) => sum + size, 0);
  }

  get({ topic, partition }: TopicPartition): V | undefined {
    return this.#topics.get(topic)?.get(partition);
  }

  has({ topic, partition }: TopicPartition): boolean {
    return this.#topics.get(topic)?.has(partition) === true;
  }

  set({ topic, partition }: TopicPartition, value: V): void {
    const ofTopic = this.#topics.get(topic);
    if (ofTopic === undefined) this.#topics.set(topic, new Map([[partition, value]]));
    else ofTopic.set(partition, value);
  }

  *values(): Generator<V> {
    for (const ofTopic of this.#topics.values()) yield* ofTopic.values();
  }

  *[Symbol.iterator](): Generator<readonly [TopicPartition, V]> {
    for (const [topic, ofTopic] of this.#topics) {
      for (const [partition, value] of ofTopic) yield [{ topic, partition }, value];
    }
  }

  /** The same partitions with other values. */
  map<W>(change: (value: V) => W): PartitionMap<W> {
    const changed = new PartitionMap<W>();
    for (const [topic, ofTopic] of this.#topics) {
      const values = new Map<number, W>();
      for (const [partition, value] of ofTopic) values.set(partition, change(value));
      changed.#topics.set(topic, values);
    }
    return changed;
  }
}

/** Of each partition the range that ends last: where a batch of these ranges ends. */
export function lastRanges<R extends OffsetRange>(ranges: readonly R[]): PartitionMap<R> {
  const last = new PartitionMap<R>();
  for (const range of ranges) {
    const before = last.get(range);
    if (before === undefined || range.untilOffset > before.untilOffset) last.set(range, range);
  }
  return last;
}
