import type { TopicPartition } from "../model/offset-range.ts";

/** Names, every topic that matches, or exactly these partitions. Spark: `Subscribe`, `SubscribePattern`, `Assign`. */
export type TopicSelection = readonly string[] | RegExp | readonly TopicPartition[];

/** `{ "page-views": { 0: 120, 1: 98 } }`: the JSON of Spark's startingOffsets. */
export interface TopicOffsets {
  readonly [topic: string]: { readonly [partition: number]: number };
}
