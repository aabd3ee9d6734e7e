/** Partitions of which the Kafka sink holds a part only: they are sent while their values come. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { kafka } from "millrace/sinks";
import { HELD_BYTES_MAX } from "../../src/kafka/writing/outgoing-records.ts";
import { TransactionCoordinator } from "../../src/kafka/writing/transaction-coordinator.ts";
import { partitionOf } from "../../src/operators/partition.ts";
import { createTopic } from "../helpers/kafka.ts";
import { waitUntil } from "../helpers/wait-until.ts";
import {
  committed,
  committedSoFar,
  committedValues,
  endOffset,
  kafkaParams,
  leaveOpen,
  progressTopic,
} from "./kafka-topic.ts";
import { commit, openSink, save, transactionalId } from "./save-partition.ts";

const CHUNK = 1_000;
/** More than four times what is held. */
const COUNT = 36 * CHUNK;
const FILLING = "x".repeat(1_000);
const HELD = Math.ceil(HELD_BYTES_MAX / FILLING.length);

const valueOf = (n: number) => `${n} ${FILLING}`;
const numberIn = (value: string | null) => Number(value?.split(" ", 1)[0]);

async function* numbers(beforeChunk: (from: number) => Promise<void> = async () => {}) {
  for (let from = 0; from < COUNT; from += CHUNK) {
    await beforeChunk(from);
    yield Array.from({ length: CHUNK }, (_, i) => from + i);
  }
}

async function openedSink(t: TestContext, { partitions = 1 } = {}) {
  const topic = await createTopic(t, { partitions });
  const sink = kafka<number>({
    kafkaParams: kafkaParams(),
    topic,
    key: (n) => String(n % 10),
    value: valueOf,
    progressTopic: await progressTopic(),
  });
  const { definition, connection } = await openSink(sink);
  t.after(() => definition.close(connection));
  const write = (values: AsyncIterable<readonly number[]>, signal = commit.signal) =>
    definition.commitPartition(connection, partitionOf(values), { ...commit, signal });
  return { topic, sink, write };
}

const all = [...Array(COUNT).keys()];
const ascending = (a: number, b: number) => a - b;

test("never more than twice the limit is held, nothing is seen before the commit, and then all of it in order", async (t) => {
  const { topic, write } = await openedSink(t);
  let sent = 0;
  const beforeChunk = async (given: number) => {
    sent = await endOffset(topic, "read_uncommitted");
    assert.ok(given - sent <= 2 * HELD + CHUNK, `${given - sent} values of ${given} are held`);
    assert.equal(await endOffset(topic, "read_committed"), 0);
  };
  assert.equal(await write(numbers(beforeChunk)), "written");
  assert.ok(sent >= COUNT / 4, "it was sent while values still came");
  assert.deepEqual((await committedValues(topic)).map(numberIn), all);
});

test("each key keeps its order, over several partitions of the topic", async (t) => {
  const { topic, write } = await openedSink(t, { partitions: 3 });
  assert.equal(await write(numbers()), "written");
  assert.equal(await write(numbers()), "already written");
  const byKey = Map.groupBy(await committed(topic), ({ key }) => key);
  for (const records of byKey.values()) {
    const found = records.map(({ value }) => numberIn(value));
    assert.deepEqual(found, found.toSorted(ascending));
  }
  const everything = [...byKey.values()].flat().map(({ value }) => numberIn(value));
  assert.deepEqual(everything.toSorted(ascending), all);
});

test("a partition that fails half way is not seen and holds no reader back; the next attempt writes it once", async (t) => {
  const { topic, write } = await openedSink(t);
  const fail = async (from: number) => {
    if (from > COUNT / 2) throw new Error("half way");
  };
  await assert.rejects(write(numbers(fail)), /half way/);
  const sent = () => endOffset(topic, "read_uncommitted");
  assert.notEqual(await sent(), 0, "a part of it was sent");
  await waitUntil("it is aborted", async () => (await endOffset(topic, "read_committed")) === (await sent()));
  assert.equal(await write(numbers()), "written");
  assert.deepEqual((await committedValues(topic)).map(numberIn), all);
});

test("a writer that is fenced before anything was sent begins again, and writes once", async (t) => {
  const { topic, write } = await openedSink(t);
  const fence = async (from: number) => {
    if (from === 0) await leaveOpen(transactionalId, topic, "of another");
  };
  assert.equal(await write(numbers(fence)), "written");
  assert.deepEqual((await committedValues(topic)).map(numberIn), all);
});

test("a writer that is fenced when a part was sent fails, and its task finds what the other one has written", async (t) => {
  const { topic, sink, write } = await openedSink(t);
  const results: string[] = [];
  const fence = async (from: number) => {
    // Another attempt of the same work begins and commits meanwhile.
    if (from === COUNT / 2) results.push(await save(sink, all));
  };
  await assert.rejects(write(numbers(fence)), { code: "SINK_FAILED", hint: /the task runs again/ });
  results.push(await write(numbers()));
  assert.deepEqual(results, ["written", "already written"]);
  assert.deepEqual((await committedValues(topic)).map(numberIn), all);
});

test("a writer that is fenced when all was sent and nothing committed does not commit the rest alone, which it still holds", async (t) => {
  const { topic, write } = await openedSink(t);
  const end = t.mock.method(TransactionCoordinator.prototype, "end");
  end.mock.mockImplementationOnce(async function (this: TransactionCoordinator, ...commit) {
    await leaveOpen(transactionalId, topic, "of another");
    await this.end(...commit);
  });
  await assert.rejects(write(numbers()), { code: "SINK_FAILED", hint: /the task runs again/ });
  assert.deepEqual(await committedSoFar(topic), []);
  assert.equal(await write(numbers()), "written");
  assert.deepEqual((await committedValues(topic)).map(numberIn), all);
});

test("what another attempt has committed before anything was sent is not written again", async (t) => {
  const { topic, sink, write } = await openedSink(t);
  const results: string[] = [];
  const other = async (from: number) => {
    if (from === 0) results.push(await save(sink, all));
  };
  results.push(await write(numbers(other)));
  assert.deepEqual(results, ["written", "already written"]);
  assert.deepEqual((await committedValues(topic)).map(numberIn), all);
});

test("an attempt that was given up sends nothing more, and the next one does not wait for it", async (t) => {
  const { topic, write } = await openedSink(t);
  const givenUp = new AbortController();
  const halfWay = Promise.withResolvers<void>();
  const wakes = Promise.withResolvers<void>();
  const hang = async (from: number) => {
    if (from !== COUNT / 2) return;
    halfWay.resolve();
    await wakes.promise;
  };
  const stale = write(numbers(hang), givenUp.signal);
  await halfWay.promise;
  givenUp.abort(new Error("taskTimeout"));
  assert.equal(await write(numbers()), "written");
  const written = await endOffset(topic, "read_uncommitted");
  wakes.resolve();
  await assert.rejects(stale, /taskTimeout/);
  assert.equal(await endOffset(topic, "read_uncommitted"), written);
  assert.deepEqual((await committedValues(topic)).map(numberIn), all);
});
