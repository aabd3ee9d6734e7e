import { after } from "node:test";
import type { KafkaCluster } from "../../src/kafka/connection/cluster.ts";
import { ProtocolError } from "../../src/kafka/connection/protocol-error.ts";
import { BatchEncoder, signBatch } from "../../src/kafka/writing/batch-encoder.ts";
import { produceBatch } from "../../src/kafka/writing/produce.ts";
import { findCoordinator, TransactionCoordinator } from "../../src/kafka/writing/transaction-coordinator.ts";
import { bootstrapServers, createTopic } from "../helpers/kafka.ts";
import { waitUntil } from "../helpers/wait-until.ts";
import { openCluster, readRecords, type TextRecord, wholePartition } from "../kafka/read-all.ts";

/** What tests of the Kafka sink look at. */

export const kafkaParams = () => ({ "bootstrap.servers": bootstrapServers() });

/**
 * Everything that a reader of committed records sees when no transaction is open any more, partition after partition: a commit is decided
 * before the brokers have carried it out.
 */
export async function committed(topic: string): Promise<TextRecord[]> {
  await waitUntil(`no transaction is open in ${topic}`, async () => {
    const [decided, written] = await Promise.all([ends(topic, "read_committed"), ends(topic, "read_uncommitted")]);
    return decided.every((end, partition) => end === written[partition]);
  });
  return committedSoFar(topic);
}

async function ends(topic: string, isolation: "read_committed" | "read_uncommitted"): Promise<number[]> {
  await using cluster = openCluster({ "isolation.level": isolation });
  const [info] = await cluster.topics([topic]);
  const ranges = info!.partitions.map(({ partition }) => wholePartition(cluster, topic, partition));
  return (await Promise.all(ranges)).map(({ untilOffset }) => untilOffset);
}

/** The same beside transactions that stay open. */
export async function committedSoFar(topic: string): Promise<TextRecord[]> {
  await using cluster = openCluster({ "isolation.level": "read_committed" });
  const [info] = await cluster.topics([topic]);
  const records: TextRecord[] = [];
  for (const { partition } of info!.partitions) {
    records.push(...(await readRecords(cluster, await wholePartition(cluster, topic, partition))));
  }
  return records;
}

/** All values of {@link committed}. */
export async function committedValues(topic: string): Promise<(string | null)[]> {
  return (await committed(topic)).map(({ value }) => value);
}

export const progressTopic = () => createTopic({ name: "progress" }, { configs: { "cleanup.policy": "compact" } });

/** What a writer that died leaves: a transaction with one record, never ended. */
export async function leaveOpen(
  transactionalId: string,
  topic: string,
  text: string,
  key = text,
): Promise<TransactionCoordinator> {
  const cluster = openCluster();
  openClusters.push(cluster);
  const place = { topic, partition: 0 };
  await cluster.topics([topic]);
  const leader = await cluster.produceSocket((await cluster.findLeader(place))!.address!);
  const address = await accepted(() => findCoordinator(leader, transactionalId));
  const coordinator = new TransactionCoordinator(transactionalId, await cluster.produceSocket(address));
  const producer = await accepted(() => coordinator.begin(60_000));
  await accepted(() => coordinator.addPartitions(producer, [{ name: topic, partitions: [0] }]));
  const encoder = new BatchEncoder("none");
  encoder.add(Buffer.from(key), Buffer.from(text));
  const batch = signBatch(encoder.finish()[0]!, producer, 0);
  await accepted(() => produceBatch(leader, transactionalId, place, batch));
  return coordinator;
}

const openClusters: KafkaCluster[] = [];
after(() => Promise.all(openClusters.map((cluster) => cluster.close())));

/** A broker that has just started has no coordinators yet, and one may not know yet that it leads a new topic. */
export async function accepted<R>(request: () => Promise<R>): Promise<R> {
  for (;;) {
    try {
      return await request();
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
    }
  }
}

export async function endOffset(topic: string, isolation: "read_committed" | "read_uncommitted"): Promise<number> {
  await using cluster = openCluster({ "isolation.level": isolation });
  return (await wholePartition(cluster, topic)).untilOffset;
}
