import type { TopicPartition } from "../model/offset-range.ts";

/** Names, every topic that matches, or exactly these partitions. Spark: `Subscribe`, `SubscribePattern`, `Assign`. */
export type TopicSelection = readonly string[] | RegExp | readonly TopicPartition[];

/** `{ "page-views": { 0: 120, 1: 98 } }`: the JSON of Spark's startingOffsets. */
export interface TopicOffsets {
  readonly [topic: string]: { readonly [partition: number]: number };
}

/** Whether a pattern takes a topic. With the flag g or y it would remember where it stopped; a copy without them does not. */
export function matches(pattern: RegExp, topic: string): boolean {
  return new RegExp(pattern.source, pattern.flags.replaceAll(/[gy]/g, "")).test(topic);
}
