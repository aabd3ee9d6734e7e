import type { TopicPartition } from "./offset-range.ts";

/**
 * Records per second of one partition: one number for all, or numbers by topic, or by topic and partition:
 * `{ clicks: 500, views: { 0: 1000, 1: 50 } }`. What is not named has none.
 */
export type PartitionRates = number | { readonly [topic: string]: number | { readonly [partition: number]: number } };

export function rateOf(rates: PartitionRates | undefined, { topic, partition }: TopicPartition): number | undefined {
  if (typeof rates !== "object") return rates;
  const ofTopic = Object.hasOwn(rates, topic) ? rates[topic] : undefined;
  return typeof ofTopic === "object" ? ofTopic[partition] : ofTopic;
}

/** Every place that has a rate of its own; -1 for the partitions of a topic that has one number. */
export function namedPlaces(rates: PartitionRates | undefined): readonly TopicPartition[] {
  if (typeof rates !== "object") return [];
  return Object.entries(rates).flatMap(([topic, ofTopic]) =>
    typeof ofTopic === "object"
      ? Object.keys(ofTopic).map((partition) => ({ topic, partition: Number(partition) }))
      : [{ topic, partition: -1 }],
  );
}
