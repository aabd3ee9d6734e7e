/** The Kafka sink's requests: what their versions are pinned for, and what of the brokers' answers is no verdict. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { kafka } from "millrace/sinks";
import type { BrokerSocket } from "../../src/kafka/connection/broker-socket.ts";
import { ErrorCodes, ProtocolError } from "../../src/kafka/connection/protocol-error.ts";
import { BatchEncoder, type ProducerIdentity, signBatch } from "../../src/kafka/writing/batch-encoder.ts";
import { produceBatch } from "../../src/kafka/writing/produce.ts";
import { findCoordinator, TransactionCoordinator } from "../../src/kafka/writing/transaction-coordinator.ts";
import { createTopic } from "../helpers/kafka.ts";
import { openCluster } from "../kafka/read-all.ts";
import { accepted, committedValues, endOffset, kafkaParams, progressTopic } from "./kafka-topic.ts";
import { save, transactionalId } from "./save-partition.ts";

/** A transaction that writes to one partition. */
async function begun(t: TestContext, topic: string) {
  const cluster = openCluster();
  t.after(() => cluster.close());
  await cluster.topics([topic]);
  const leader = await cluster.produceSocket((await cluster.findLeader({ topic, partition: 0 }))!.address!);
  const id = `${transactionalId}.${topic}`;
  const address = await accepted(() => findCoordinator(leader, id));
  const coordinator = new TransactionCoordinator(id, await cluster.produceSocket(address));
  const producer = await accepted(() => coordinator.begin(60_000));
  await accepted(() => coordinator.addPartitions(producer, [{ name: topic, partitions: [0] }]));
  return {
    produce(text: string, sequence: number) {
      const encoder = new BatchEncoder("none");
      encoder.add(null, Buffer.from(text));
      return produceBatch(leader, id, { topic, partition: 0 }, signBatch(encoder.finish()[0]!, producer, sequence));
    },
    commit: () => coordinator.end(producer, "commit"),
  };
}

const refusedBy = (code: number) => (error: unknown) => error instanceof ProtocolError && error.protocolCode === code;

test("a record that arrives when its transaction has ended is refused: it begins no other one, which nobody would end", async (t) => {
  const topic = await createTopic(t);
  const { produce, commit } = await begun(t, topic);
  await accepted(() => produce("in time", 0));
  await commit();
  assert.deepEqual(await committedValues(topic), ["in time"]);
  await assert.rejects(produce("late", 1), refusedBy(ErrorCodes.TRANSACTION_ABORTABLE));
  assert.equal(await endOffset(topic, "read_committed"), await endOffset(topic, "read_uncommitted"));
});

test("a record is written when all replicas in sync have it: less would lose it with its leader, in a transaction that is committed", async () => {
  const encoder = new BatchEncoder("none");
  encoder.add(null, Buffer.from("v"));
  const batch = signBatch(encoder.finish()[0]!, { id: 1, epoch: 0 }, 0);
  let acks: number | undefined;
  const request = async ({ body }: { body: Buffer }) => {
    // Behind the length of the id, and the id.
    acks = body.readInt16BE(1 + transactionalId.length);
    throw new Error("seen");
  };
  const socket = { request } as unknown as BrokerSocket;
  await assert.rejects(produceBatch(socket, transactionalId, { topic: "t", partition: 0 }, batch), /seen/);
  assert.equal(acks, -1);
});

/** At the first of these requests the brokers are still busy with the transaction before. */
function refuseFirst(t: TestContext, request: "begin" | "addPartitions"): void {
  const method = t.mock.method(TransactionCoordinator.prototype, request);
  method.mock.mockImplementationOnce(async (): Promise<ProducerIdentity & undefined> => {
    throw new ProtocolError(ErrorCodes.CONCURRENT_TRANSACTIONS, `${request} of a test`);
  });
}

for (const request of ["begin", "addPartitions"] as const) {
  test(`brokers that still carry out the transaction before, at ${request}, are asked again`, async (t) => {
    const topic = await createTopic(t);
    const progress = await progressTopic();
    const sink = kafka<string>({ kafkaParams: kafkaParams(), topic, value: (v) => v, progressTopic: progress });
    refuseFirst(t, request);
    assert.equal(await save(sink, ["a"]), "written");
    assert.deepEqual(await committedValues(topic), ["a"]);
  });
}
