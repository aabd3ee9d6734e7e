import { Admin } from "@platformatic/kafka";
import { KafkaCluster } from "../../src/kafka/connection/cluster.ts";
import { resolveKafkaParams } from "../../src/kafka/kafka-params.ts";
import { brokersOf } from "./brokers.ts";
import { feed } from "./feed.ts";
import type { Codec } from "./record-batch.ts";
import type { Kind } from "./records.ts";

export const PARTITIONS = 4;

export interface BenchTopic {
  readonly topic: string;
  /** Or the number of bytes of each value. */
  readonly kind: Kind | number;
  readonly codec: Codec;
  readonly records: number;
  readonly partitions: number;
}

export const benchTopic = (
  kind: Kind | number,
  codec: Codec,
  records: number,
  partitions = PARTITIONS,
): BenchTopic => ({
  topic: `bench-${kind}-${codec}-${records}${partitions === PARTITIONS ? "" : `-in-${partitions}`}`,
  kind,
  codec,
  records,
  partitions,
});

/** Creates and feeds the topics that are not there yet: on a broker that stays up a second run finds them. */
export async function ensureTopics(
  bootstrap: string,
  topics: readonly BenchTopic[],
  onProgress: (line: string) => void,
): Promise<void> {
  const admin = new Admin({ clientId: "millrace-bench", bootstrapBrokers: bootstrap.split(","), retries: 20 });
  await using cluster = new KafkaCluster(resolveKafkaParams({ "bootstrap.servers": bootstrap }));
  try {
    const existing = new Set(await admin.listTopics());
    const missing = topics.filter(({ topic }) => !existing.has(topic));
    if (missing.length > 0) {
      await admin.createTopics({
        topics: missing.map(({ topic, partitions }) => ({ topic, partitions, replicas: 1 })),
        configs: [{ name: "retention.ms", value: "-1" }],
      });
    }
    // Asks until every partition has a leader that answers.
    for (const { topic } of missing) await latestOffsets(cluster, topic);
    for (const group of Map.groupBy(missing, (t) => `${t.kind} ${t.records} ${t.partitions}`).values()) {
      const { kind, records, partitions } = group[0]!;
      const started = performance.now();
      await feed(brokersOf(bootstrap)[0]!, kind, records, partitions, group);
      const seconds = ((performance.now() - started) / 1000).toFixed(1);
      onProgress(`fed ${records} ${kind} records to ${group.map(({ codec }) => codec).join(", ")} in ${seconds} s`);
    }
    for (const { topic, records } of topics) {
      const found = (await latestOffsets(cluster, topic)).reduce((sum, offset) => sum + offset, 0);
      if (found !== records)
        throw new Error(`${topic} holds ${found} records, not ${records}: delete it and run again`);
    }
  } finally {
    await admin.close();
  }
}

/** An empty topic. */
export async function createTopic(bootstrap: string, topic: string, partitions = PARTITIONS): Promise<string> {
  const admin = new Admin({ clientId: "millrace-bench", bootstrapBrokers: bootstrap.split(","), retries: 20 });
  try {
    await admin.createTopics({ topics: [topic], partitions, replicas: 1 });
  } finally {
    await admin.close();
  }
  await offsetsOf(bootstrap, topic); // asks until every partition has a leader
  return topic;
}

/** Where each partition of a topic ends. */
export async function offsetsOf(bootstrap: string, topic: string): Promise<number[]> {
  await using cluster = new KafkaCluster(resolveKafkaParams({ "bootstrap.servers": bootstrap }));
  return await latestOffsets(cluster, topic);
}

async function latestOffsets(cluster: KafkaCluster, topic: string): Promise<number[]> {
  const [info] = await cluster.topics([topic]);
  const offsets = await cluster.latestOffsets(info!.partitions.map(({ partition }) => ({ topic, partition })));
  return [...offsets.values()];
}
