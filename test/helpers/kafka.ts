import { randomBytes } from "node:crypto";
import type { TestContext } from "node:test";
import {
  Admin,
  alterPartitionReassignmentsV1,
  ConfigResourceTypes,
  ConnectionPool,
  IncrementalAlterConfigOperationTypes,
} from "@platformatic/kafka";
import { type KafkaOptions, type LocalKafka, runKafkaTool, startKafka } from "../../dev/kafka/index.ts";
import { waitUntil } from "./wait-until.ts";

/** The broker of this test run, as `global-setup.ts` gives it. */
export function bootstrapServers(): string {
  const brokers = process.env.KAFKA_BROKERS;
  if (!brokers) throw new Error("no broker: run tests by `npm test`, or set KAFKA_BROKERS=host:port");
  return brokers;
}

export interface TopicOptions {
  readonly partitions?: number;
  /** Topic settings, such as `{ "cleanup.policy": "compact" }`. */
  readonly configs?: Readonly<Record<string, string>>;
  readonly replicas?: number;
  /** The brokers of each partition, its first leader first, as many for each; instead of `partitions` and `replicas`. */
  readonly assignments?: readonly (readonly number[])[];
  readonly bootstrap?: string;
}

/** Creates a topic named after the test, for this test alone, and returns its name once every partition has a leader. */
export async function createTopic(t: Pick<TestContext, "name">, options: TopicOptions = {}): Promise<string> {
  const { partitions = 1, replicas = 1, configs = {}, assignments, bootstrap = bootstrapServers() } = options;
  const topic = topicName(t);
  const shape =
    assignments === undefined
      ? { partitions, replicas }
      : {
          partitions: -1, // said by the assignments
          replicas: -1,
          assignments: assignments.map((brokers, partition) => ({ partition, brokers: [...brokers] })),
        };
  await using admin = openAdmin(bootstrap);
  await admin.createTopics({
    topics: [{ topic, ...shape }],
    configs: Object.entries(configs).map(([name, value]) => ({ name, value })),
  });
  await waitUntil(`topic ${topic} has its leaders`, async () =>
    (await leaders(topic, bootstrap)).every((id) => id >= 0),
  );
  return topic;
}

/** A name of its own for a test's topic, to be created by whoever is tested. */
export function topicName(t: Pick<TestContext, "name">): string {
  const words = t.name.replaceAll(/[^a-zA-Z0-9]+/g, "-").slice(0, 80);
  return `test.${words}.${randomBytes(4).toString("hex")}`;
}

/** The end of each partition's log, by its number, open transactions and their markers included. */
export async function logEnds(
  topic: string,
  partitions: readonly number[],
  bootstrap = bootstrapServers(),
): Promise<Map<number, bigint>> {
  await using admin = openAdmin(bootstrap);
  const latest = partitions.map((partitionIndex) => ({ partitionIndex, timestamp: -1n }));
  const found = await admin.listOffsets({ topics: [{ name: topic, partitions: latest }] });
  return new Map(found.flatMap(({ partitions }) => partitions.map((of) => [of.partitionIndex, of.offset])));
}

export async function deleteTopic(topic: string, bootstrap = bootstrapServers()): Promise<void> {
  await using admin = openAdmin(bootstrap);
  await admin.deleteTopics({ topics: [topic] });
}

/** Gives a topic more partitions. Returns once each has a leader. */
export async function addPartitions(topic: string, count: number, bootstrap = bootstrapServers()): Promise<void> {
  await using admin = openAdmin(bootstrap);
  await admin.createPartitions({ topics: [{ name: topic, count }] });
  await waitUntil(`${topic} has ${count} partitions with leaders`, async () => {
    const known = await leaders(topic, bootstrap);
    return known.length === count && known.every((id) => id >= 0);
  });
}

/** Creates a topic that was deleted: another one of the same name. */
export async function createAgain(topic: string, partitions = 1, bootstrap = bootstrapServers()): Promise<void> {
  await using admin = openAdmin(bootstrap);
  await waitUntil(`${topic} can be created again`, async () => {
    await admin.createTopics({ topics: [topic], partitions, replicas: 1 });
    return true;
  });
  await waitUntil(`${topic} has its leaders`, async () => (await leaders(topic, bootstrap)).every((id) => id >= 0));
}

/** Makes `offset` the first one of a partition, as retention does. */
export async function deleteRecordsBefore(topic: string, offset: number, partition = 0): Promise<void> {
  await using admin = openAdmin(bootstrapServers());
  await admin.deleteRecords({ topics: [{ name: topic, partitions: [{ partition, offset: BigInt(offset) }] }] });
}

/** Changes one setting of a topic. */
export async function setTopicConfig(topic: string, name: string, value: string): Promise<void> {
  await using admin = openAdmin(bootstrapServers());
  const configs = [{ name, value, configOperation: IncrementalAlterConfigOperationTypes.SET }];
  await admin.incrementalAlterConfigs({
    resources: [{ resourceType: ConfigResourceTypes.TOPIC, resourceName: topic, configs }],
  });
}

/** The broker that leads each partition; -1 where none does. */
export async function leaders(topic: string, bootstrap = bootstrapServers()): Promise<number[]> {
  await using admin = openAdmin(bootstrap);
  const { topics } = await admin.metadata({ topics: [topic], forceUpdate: true });
  return topics.get(topic)!.partitions.map((partition) => partition.leader);
}

/** The brokers that have all records of each partition, and may become its leader. */
export async function inSync(topic: string, bootstrap = bootstrapServers()): Promise<number[][]> {
  await using admin = openAdmin(bootstrap);
  const { topics } = await admin.metadata({ topics: [topic], forceUpdate: true });
  return topics.get(topic)!.partitions.map(({ isr }) => isr);
}

/** Makes another of its brokers the leader of a partition. Returns when the broker that was asked first knows it. */
export async function moveLeader(kafka: LocalKafka, topic: string, partition: number, to: number): Promise<void> {
  const { bootstrap } = kafka;
  await using admin = openAdmin(bootstrap);
  const { topics, controllerId, brokers } = await admin.metadata({ topics: [topic], forceUpdate: true });
  const { replicas } = topics.get(topic)!.partitions[partition]!;
  const pool = new ConnectionPool("millrace-test");
  try {
    const connection = await pool.get(brokers.get(controllerId) ?? [...brokers.values()][0]!);
    const reordered = [to, ...replicas.filter((id) => id !== to)];
    await alterPartitionReassignmentsV1.api.async(connection, 10_000, true, [
      { name: topic, partitions: [{ partitionIndex: partition, replicas: reordered }] },
    ]);
  } finally {
    await pool.close();
  }
  const place = ["--topic", topic, "--partition", String(partition)];
  await runKafkaTool("org.apache.kafka.tools.LeaderElectionCommand", [
    "--bootstrap-server",
    bootstrap,
    "--election-type",
    "preferred",
    ...place,
  ]);
  await waitUntil(`broker ${to} leads`, async () => (await leaders(topic, bootstrap))[partition] === to);
}

/** Three brokers for this test alone; they end with it. */
export async function withThreeBrokers(
  t: Pick<TestContext, "after">,
  options: Omit<KafkaOptions, "brokers"> = {},
): Promise<LocalKafka> {
  const kafka = await startKafka({ ...options, brokers: 3 });
  t.after(() => kafka.stop());
  return kafka;
}

function openAdmin(bootstrap: string) {
  const admin = new Admin({
    clientId: "millrace-test",
    bootstrapBrokers: bootstrap.split(","),
    retries: 50,
    retryDelay: 50,
  });
  return Object.assign(admin, { [Symbol.asyncDispose]: async () => void (await admin.close()) });
}
