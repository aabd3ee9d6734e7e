import { MillraceError } from "../../model/errors.ts";
import type { TopicPartition } from "../../model/offset-range.ts";
import { refusalIn, rootMessageOf } from "./connections.ts";
import { ErrorCodes, nameOf, ProtocolError } from "./protocol-error.ts";

export function brokerUnreachable(addresses: readonly string[], deadlineMs: number, cause: unknown): MillraceError {
  return new MillraceError(
    "BROKER_UNREACHABLE",
    `No Kafka broker answered within ${seconds(deadlineMs)}: tried ${addresses.join(", ")}; last cause: ${rootMessageOf(cause)}.`,
    {
      hint: 'Check "bootstrap.servers", that the brokers run, and that the addresses they advertise are reachable from here.',
      cause,
    },
  );
}

/** An error that no retry cures, or undefined. */
export function refusedByBroker(error: unknown): MillraceError | undefined {
  const refusal = error instanceof ProtocolError ? authorizationRefusal(error) : refusalIn(error);
  if (refusal === undefined) return undefined;
  return new MillraceError("BROKER_REFUSED", `The Kafka broker refused: ${refusal.replace(/\.$/, "")}.`, {
    hint: 'Check "ssl" and "sasl" in kafkaParams and what this user may read.',
    cause: error,
  });
}

function authorizationRefusal(error: ProtocolError): string | undefined {
  const denied: readonly number[] = [
    ErrorCodes.TOPIC_AUTHORIZATION_FAILED,
    ErrorCodes.GROUP_AUTHORIZATION_FAILED,
    ErrorCodes.CLUSTER_AUTHORIZATION_FAILED,
    ErrorCodes.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
  ];
  return denied.includes(error.protocolCode) ? error.message : undefined;
}

export function topicNotFound(topic: string, existing: readonly string[]): MillraceError {
  const similar = similarNames(topic, existing);
  const hint =
    similar.length > 0 ? `Did you mean ${similar.join(" or ")}?` : "Create it, or check the name and the cluster.";
  return new MillraceError("TOPIC_NOT_FOUND", `Topic "${topic}" does not exist.`, { hint, at: { topic } });
}

export function partitionNotFound({ topic, partition }: TopicPartition, count: number): MillraceError {
  return new MillraceError(
    "TOPIC_NOT_FOUND",
    `Topic "${topic}" has no partition ${partition}; it has ${count}, counted from 0.`,
    { hint: "Correct the partitions that are asked for.", at: { topic, partition } },
  );
}

export function noLeader({ topic, partition }: TopicPartition, deadlineMs: number): MillraceError {
  return new MillraceError(
    "NO_LEADER",
    `Partition ${topic}-${partition} has had no leader for ${seconds(deadlineMs)}.`,
    {
      hint: "A partition has no leader while all its replicas are down: check the brokers.",
      at: { topic, partition },
    },
  );
}

/** An error code of Kafka that is not ours to cure. */
export function unexpectedCode({ protocolCode, what }: ProtocolError): MillraceError {
  if (protocolCode === ErrorCodes.UNKNOWN_MEMBER_ID) {
    return new MillraceError("BROKER_REFUSED", `The Kafka broker failed at ${what}: the group has members.`, {
      hint: 'Other consumers have joined that group. Give the stream a "group.id" of its own.',
    });
  }
  const message = `The Kafka broker failed at ${what}: ${nameOf(protocolCode)}.`;
  return new MillraceError("BROKER_REFUSED", message, {
    hint: "Look the code up in Kafka's protocol guide and into the broker's log.",
  });
}

const seconds = (ms: number) => `${Number((ms / 1_000).toFixed(1))} s`;

/** A few names that share most of their letter pairs with the one that is missing. */
function similarNames(name: string, existing: readonly string[]): string[] {
  return existing
    .map((candidate) => ({ candidate, likeness: likeness(name, candidate) }))
    .filter(({ likeness }) => likeness > 0.5)
    .sort((a, b) => b.likeness - a.likeness)
    .slice(0, 3)
    .map(({ candidate }) => `"${candidate}"`);
}

function likeness(a: string, b: string): number {
  const pairs = pairsOf(a);
  const others = pairsOf(b);
  return (2 * pairs.intersection(others).size) / Math.max(1, pairs.size + others.size);
}

function pairsOf(name: string): Set<string> {
  const letters = name.toLowerCase().replaceAll(/[^\p{L}\p{N}]/gu, "");
  return new Set(Array.from({ length: Math.max(0, letters.length - 1) }, (_, i) => letters.slice(i, i + 2)));
}
