import { MillraceError } from "../model/errors.ts";
import type { TopicPartition } from "../model/offset-range.ts";
import { isInteger } from "../model/options.ts";
import type { KafkaCluster } from "./connection/cluster.ts";
import type { TopicSelection } from "./subscription.ts";

export interface SelectedPartition extends TopicPartition {
  readonly topicId: string;
}

/** @throws BAD_OPTION for what is no selection. */
export function checkSelection(topics: TopicSelection): void {
  if (topics instanceof RegExp) return;
  const named =
    Array.isArray(topics) && topics.length > 0 && topics.every((topic) => typeof topic === "string" && topic !== "");
  const assigned =
    Array.isArray(topics) &&
    topics.length > 0 &&
    topics.every((t: unknown) => {
      const { topic, partition } = (t ?? {}) as Partial<TopicPartition>;
      return typeof topic === "string" && isInteger(0)(partition) === undefined;
    });
  if (named || assigned) return;
  throw new MillraceError("BAD_OPTION", `These are no topics: ${JSON.stringify(topics)}.`, {
    hint: 'Give names (["page-views"]), a pattern (/^page-/), or partitions ([{ topic: "page-views", partition: 0 }]).',
  });
}

/** A name for the stream when the user gave none. */
export function nameOfSelection(topics: TopicSelection): string {
  if (topics instanceof RegExp) return String(topics);
  return topics.map((t) => (typeof t === "string" ? t : `${t.topic}-${t.partition}`)).join(",");
}

/** All selected partitions, topics by name, partitions by number. @throws TOPIC_NOT_FOUND */
export async function partitionsOf(
  cluster: KafkaCluster,
  topics: TopicSelection,
  signal: AbortSignal,
): Promise<SelectedPartition[]> {
  const assigned = isAssignment(topics) ? topics : undefined;
  const names = assigned ? assigned.map(({ topic }) => topic) : (topics as readonly string[] | RegExp);
  const all = (await cluster.topics(names, signal)).flatMap(({ topic, topicId, partitions }) =>
    partitions.map(({ partition }) => ({ topic, partition, topicId })),
  );
  if (all.length === 0) {
    throw new MillraceError("TOPIC_NOT_FOUND", `No topic matches ${String(topics)}.`, {
      hint: "Check the pattern, or create a topic first.",
    });
  }
  if (assigned === undefined) return all;
  return assigned.map((wanted) => {
    const found = all.find(({ topic, partition }) => topic === wanted.topic && partition === wanted.partition);
    if (found) return found;
    throw new MillraceError("BAD_OPTION", `Topic "${wanted.topic}" has no partition ${wanted.partition}.`, {
      hint: `It has the partitions 0 to ${all.filter(({ topic }) => topic === wanted.topic).length - 1}.`,
      at: wanted,
    });
  });
}

function isAssignment(topics: TopicSelection): topics is readonly TopicPartition[] {
  return Array.isArray(topics) && typeof topics[0] === "object";
}
