import { MillraceError } from "../model/errors.ts";
import type { TopicPartition } from "../model/offset-range.ts";
import { isInteger, shown } from "../model/options.ts";
import type { KafkaCluster } from "./connection/cluster.ts";
import { matches, type TopicSelection } from "./subscription.ts";

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
  throw new MillraceError("BAD_OPTION", `These are no topics: ${shown(topics)}.`, {
    hint: 'Give names (["page-views"]), a pattern (/^page-/), or partitions ([{ topic: "page-views", partition: 0 }]).',
  });
}

/** A name for the stream when the user gave none. */
export function nameOfSelection(topics: TopicSelection): string {
  if (topics instanceof RegExp) return String(topics);
  return topics.map((t) => (typeof t === "string" ? t : `${t.topic}-${t.partition}`)).join(",");
}

/** All selected partitions, topics by name, partitions by number: of a pattern perhaps none yet. @throws TOPIC_NOT_FOUND for a name */
export async function partitionsOf(
  cluster: KafkaCluster,
  topics: TopicSelection,
  signal: AbortSignal,
): Promise<SelectedPartition[]> {
  const assigned = isAssignment(topics) ? topics : undefined;
  const all = (await cluster.topics(namesOf(topics), signal)).flatMap(({ topic, topicId, partitions }) =>
    partitions.map(({ partition }) => ({ topic, partition, topicId })),
  );
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

/**
 * The selected partitions that there are now, new ones among them, while a stream runs that reads the `known` ones. A partition that an
 * answer leaves out although its topic is still the same is there all the same: Kafka takes no partition away.
 */
export async function partitionsNow(
  cluster: KafkaCluster,
  topics: TopicSelection,
  known: readonly SelectedPartition[],
  signal: AbortSignal,
): Promise<SelectedPartition[]> {
  const knownTopics = known.map(({ topic }) => topic).filter((topic) => isOf(topics, topic));
  const infos = await cluster.existingTopics(namesOf(topics), knownTopics, signal);
  return infos.flatMap(({ topic, topicId, partitions }) => {
    const numbers = new Set(partitions.map(({ partition }) => partition));
    for (const one of known) if (one.topic === topic && one.topicId === topicId) numbers.add(one.partition);
    return [...numbers]
      .filter(
        (partition) => !isAssignment(topics) || topics.some((t) => t.topic === topic && t.partition === partition),
      )
      .map((partition) => ({ topic, partition, topicId }));
  });
}

/** What of a selection was not read before: a name that was mistyped is to be told, a topic that is gone is lost data. */
export function strangersIn(topics: TopicSelection, known: readonly TopicPartition[]): TopicSelection | undefined {
  if (topics instanceof RegExp) return undefined;
  const strangers = isAssignment(topics)
    ? topics.filter((wanted) => !known.some((k) => k.topic === wanted.topic && k.partition === wanted.partition))
    : topics.filter((wanted) => !known.some(({ topic }) => topic === wanted));
  return strangers.length === 0 ? undefined : (strangers as TopicSelection);
}

export function namesOf(topics: TopicSelection): readonly string[] | RegExp {
  return isAssignment(topics) ? topics.map(({ topic }) => topic) : (topics as readonly string[] | RegExp);
}

/** Whether a topic that was read belongs to the selection: the user may have changed it since. */
function isOf(topics: TopicSelection, topic: string): boolean {
  const names = namesOf(topics);
  return names instanceof RegExp ? matches(names, topic) : names.includes(topic);
}

function isAssignment(topics: TopicSelection): topics is readonly TopicPartition[] {
  return Array.isArray(topics) && typeof topics[0] === "object";
}
