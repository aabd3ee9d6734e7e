import type { Warn } from "../graph/source.ts";
import { MillraceError } from "../model/errors.ts";
import type { OperatorName } from "../operators/receiver.ts";
import type { KafkaCluster } from "./connection/cluster.ts";
import { nameOf } from "./connection/protocol-error.ts";

const CLEANUP_POLICY = "cleanup.policy";

const isCompact = (cleanupPolicy: string) => cleanupPolicy.split(",").some((policy) => policy.trim() === "compact");

/** Those of the topics that are compacted, or of which that cannot be found out. */
export async function compactedOf(
  cluster: KafkaCluster,
  topics: readonly string[],
  signal: AbortSignal,
): Promise<Set<string>> {
  if (topics.length === 0) return new Set();
  const configs = await cluster.topicConfigs(topics, CLEANUP_POLICY, signal);
  return new Set(configs.flatMap(({ topic, value }) => (value === undefined || isCompact(value) ? [topic] : [])));
}

/**
 * At a start: of a compacted topic older records of a key disappear one by one, and no offset tells of it. So what a window has read cannot be read
 * again as it was. Told, when it is accepted or cannot be found out.
 * @throws TOPIC_COMPACTED
 */
export async function refuseCompacted(
  cluster: KafkaCluster,
  topics: readonly string[],
  { window, accepted, warn }: { readonly window: OperatorName; readonly accepted: boolean; readonly warn: Warn },
  signal: AbortSignal,
): Promise<void> {
  for (const { topic, code, value } of await cluster.topicConfigs(topics, CLEANUP_POLICY, signal)) {
    if (value === undefined) {
      warn(
        { topic, code: nameOf(code) },
        `whether "${topic}" is compacted cannot be found out; if it is, ${window} may hold less after a restart`,
      );
      continue;
    }
    if (!isCompact(value)) continue;
    if (accepted) {
      warn({ topic }, `"${topic}" is compacted: ${window} may hold less after a restart`);
      continue;
    }
    throw new MillraceError(
      "TOPIC_COMPACTED",
      `Topic "${topic}" is compacted, and ${window} reads its records again after a restart: by then older ones of a key may be gone.`,
      {
        hint: "Use a windowed aggregate, which keeps what it needs (reduceByKeyAndWindow, groupByKeyAndWindow), or leave out checkpointDirectory. To accept that the window may hold less after a restart, set failOnDataLoss: false.",
        at: { topic, operator: window },
      },
    );
  }
}
