/** Which partitions a direct stream reads while topics grow, come and go; a held clock says when a batch is due. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { type DStream, defineJob, KafkaUtils, type Partition, runJob } from "millrace";
import { defineSink } from "millrace/sinks";
import { holdStream } from "../helpers/held-stream.ts";
import { addPartitions, bootstrapServers, createAgain, createTopic, deleteTopic } from "../helpers/kafka.ts";
import { produce, produceMany } from "../helpers/produce.ts";

/** A beginning of names that only this run has, and the pattern of it. */
function prefixOfNames(): { prefix: string; pattern: RegExp } {
  const prefix = `pattern-${randomBytes(4).toString("hex")}`;
  return { prefix, pattern: new RegExp(`^test\\.${prefix}-`, "g") };
}

const escaped = (text: string) => text.replaceAll(".", "\\.");

test("a partition that is added while the stream runs is read from its first record, also when the stream began at the end", async (t) => {
  const topic = await createTopic(t);
  await produce(topic, [{ value: "old" }]);
  const stream = await holdStream(t, [topic]);
  assert.deepEqual(await stream.batch(), []);
  assert.deepEqual(stream.tasks, [[0, 1]]);
  await addPartitions(topic, 3);
  await produce(topic, [{ value: "a", partition: 2 }, { value: "b", partition: 2 }, { value: "c" }]);
  assert.deepEqual(await stream.batch(), ["0:1=c", "2:0=a", "2:1=b"]);
  assert.deepEqual(stream.tasks.sort(), [
    [0, 3],
    [1, 3],
    [2, 3],
  ]);
  await produce(topic, [
    { value: "d", partition: 1 },
    { value: "e", partition: 2 },
  ]);
  assert.deepEqual(await stream.batch(), ["1:0=d", "2:2=e"]);
  assert.deepEqual(stream.losses, []);
});

test("new partitions are looked for every metadata.max.age.ms, not at every batch", async (t) => {
  const topic = await createTopic(t);
  const stream = await holdStream(t, [topic], { params: { "metadata.max.age.ms": 3_600_000 } });
  await addPartitions(topic, 2);
  await produce(topic, [{ value: "a", partition: 1 }, { value: "b" }]);
  assert.deepEqual(await stream.batch(), ["0:0=b"]);
});

test("a topic that comes to match the pattern is read from its first record; the order of partitions is that of the names", async (t) => {
  const { prefix, pattern } = prefixOfNames();
  const later = await createTopic({ name: `${prefix}-z` });
  const stream = await holdStream(t, pattern);
  assert.deepEqual(await stream.batch(), []);
  const sooner = await createTopic({ name: `${prefix}-a` }, { partitions: 2 });
  await produce(sooner, [{ value: "1", partition: 1 }]);
  await produce(later, [{ value: "2" }]);
  assert.deepEqual(await stream.batch(), [`${sooner}/1:0=1`, `${later}/0:0=2`]);
  assert.equal(stream.tasks.length, 3);
});

test("a pattern that nothing matches waits, says so once, and reads the first topic that comes from its first record", async (t) => {
  const { prefix, pattern } = prefixOfNames();
  const warnings: [object, string][] = [];
  const silent = { debug() {}, info() {}, error() {} };
  const logger = { ...silent, warn: (fields: object, message?: string) => void warnings.push([fields, message!]) };
  const params = { "auto.offset.reset": "latest" } as const;
  const totals: number[][] = [];
  const also = (values: DStream<string>) =>
    values.count().foreachRDD(async (rdd) => void totals.push(await rdd.collect()));
  const first = await holdStream(t, pattern, { params, logger, also });
  assert.deepEqual(await first.batch(), []);
  assert.deepEqual(await first.batch(), []);
  await first.stop();
  const second = await holdStream(t, pattern, { params, also, disk: first.disk });
  assert.deepEqual(await second.batch(), []);
  assert.deepEqual(warnings, [
    [
      { pattern: String(pattern) },
      `No topic matches ${String(pattern)} yet. The first one that does is read from its first record.`,
    ],
  ]);
  const topic = await createTopic({ name: `${prefix}-a` }, { partitions: 2 });
  await produce(topic, [{ value: "1", partition: 1 }]);
  assert.deepEqual(await second.batch(), [`${topic}/1:0=1`]);
  assert.deepEqual(totals, [[0], [0], [0], [1]]);
});

test("onData waits for the first topic that matches a pattern", async () => {
  const { prefix, pattern } = prefixOfNames();
  const seen = Promise.withResolvers<string[]>();
  const job = defineJob({ appName: "waiting", batchInterval: "100ms", master: "local", trigger: "onData" }, (ssc) => {
    const kafkaParams = { "bootstrap.servers": bootstrapServers(), "metadata.max.age.ms": 0 };
    KafkaUtils.createDirectStream(ssc, pattern, kafkaParams).foreachRDD(async (rdd) => {
      seen.resolve((await rdd.collect()).map(({ value }) => value!));
    });
  });
  await using running = await runJob(job, { logger: { debug() {}, info() {}, warn() {}, error() {} } });
  running.awaitTermination().catch(seen.reject);
  const topic = await createTopic({ name: `${prefix}-a` });
  await produce(topic, [{ value: "1" }]);
  assert.deepEqual(await seen.promise, ["1"]);
});

test("what appeared while the driver was down is read from its first record", async (t) => {
  const { prefix, pattern } = prefixOfNames();
  const known = await createTopic({ name: `${prefix}-a` });
  const before = await holdStream(t, pattern);
  assert.deepEqual(await before.batch(), []);
  await before.stop();
  await addPartitions(known, 2);
  const strange = await createTopic({ name: `${prefix}-b` });
  await produce(known, [{ value: "1" }, { value: "2", partition: 1 }]);
  await produceMany(strange, 2, String);
  const after = await holdStream(t, pattern, { disk: before.disk });
  assert.deepEqual(await after.batch(), [`${known}/0:0=1`, `${known}/1:0=2`, `${strange}/0:0=0`, `${strange}/0:1=1`]);
});

test("a batch that was pending runs with its partitions, and the next one with those that came meanwhile", async (t) => {
  const topic = await createTopic(t);
  await produce(topic, [{ value: "a" }]);
  const params = { "auto.offset.reset": "earliest" } as const;
  const beforeReading = () => {
    throw new Error("the output fails");
  };
  const before = await holdStream(t, [topic], { params, beforeReading });
  assert.match((await before.failure()).message, /the output fails/);
  await addPartitions(topic, 2);
  await produce(topic, [{ value: "b" }, { value: "c", partition: 1 }]);
  const after = await holdStream(t, [topic], { params, disk: before.disk });
  await after.batch();
  assert.deepEqual(after.reads, [["0:0=a"], ["0:1=b", "1:0=c"]]);
});

test("a sink is fenced for the partitions that come, before they are written", async (t) => {
  const topic = await createTopic(t);
  const calls: string[] = [];
  const sink = defineSink({
    open: async () => undefined,
    fence: async (_connection, epoch, numPartitions) => void calls.push(`fence ${epoch} ${numPartitions}`),
    async commitPartition(_connection, partition: Partition<string>, { seq, partition: number }) {
      const values: string[] = [];
      for await (const value of partition) values.push(value);
      calls.push(`${seq}/${number} ${values}`);
      return "written";
    },
    close: async () => {},
  });
  const stream = await holdStream(t, [topic], { also: (values) => values.saveTo(sink, { name: "out" }) });
  await stream.batch();
  await addPartitions(topic, 2);
  await produce(topic, [{ value: "a", partition: 1 }]);
  await stream.batch();
  await stream.batch();
  assert.deepEqual(calls, ["fence 1 1", "1/0 ", "fence 1 2", "2/0 ", "2/1 1:0=a", "3/0 ", "3/1 "]);
});

test("a window looks back on batches that had fewer partitions, also after a restart", async (t) => {
  const topic = await createTopic(t);
  const windows: string[][] = [];
  const options = {
    params: { "auto.offset.reset": "earliest" } as const,
    also: (values: DStream<string>) =>
      values.window("2s").foreachRDD(async (rdd) => void windows.push((await rdd.collect()).sort())),
  };
  await produce(topic, [{ value: "a" }]);
  const stream = await holdStream(t, [topic], options);
  await stream.batch();
  await addPartitions(topic, 2);
  await produce(topic, [{ value: "b", partition: 1 }]);
  await stream.batch();
  assert.deepEqual(windows, [["0:0=a"], ["0:0=a", "1:0=b"]]);
  await stream.stop();
  await addPartitions(topic, 3);
  await produce(topic, [{ value: "c", partition: 2 }]);
  const again = await holdStream(t, [topic], { ...options, disk: stream.disk });
  await again.batch();
  assert.deepEqual(windows.at(-1), ["1:0=b", "2:0=c"]);
});

test("a topic that is deleted ends the stream, or with failOnDataLoss: false leaves it, and comes back from its first record", async (t) => {
  const [kept, gone] = [await createTopic(t), await createTopic(t)];
  const topics = [kept, gone];
  const strict = await holdStream(t, topics);
  const lenient = await holdStream(t, topics, { stream: { failOnDataLoss: false } });
  await produce(gone, [{ value: "1" }, { value: "2" }]);
  for (const stream of [strict, lenient]) assert.deepEqual(await stream.batch(), [`${gone}/0:0=1`, `${gone}/0:1=2`]);
  await deleteTopic(gone);
  await produce(kept, [{ value: "3" }]);
  const error = await strict.failure();
  assert.equal((error as { code?: string }).code, "OFFSETS_LOST");
  assert.match(
    error.message,
    new RegExp(`stands at offset 2 of ${escaped(gone)}-0, which it can no longer read: the topic was deleted`),
  );
  assert.deepEqual(await lenient.batch(), [`${kept}/0:0=3`]);
  assert.deepEqual(lenient.tasks, [[0, 1]]);
  const range = { topic: gone, partition: 0, fromOffset: 2, untilOffset: 2 };
  assert.deepEqual(lenient.losses, [{ range, reason: "deleted" }]);
  await createAgain(gone);
  await produce(gone, [{ value: "4" }]);
  assert.deepEqual(await lenient.batch(), [`${gone}/0:0=4`]);
  assert.equal(lenient.losses.length, 1);
});

test("that a topic is gone is told once, not again after a restart; a name that is still asked for is then refused", async (t) => {
  const { prefix, pattern } = prefixOfNames();
  const [kept, gone] = [await createTopic({ name: `${prefix}-a` }), await createTopic({ name: `${prefix}-b` })];
  const stream = { failOnDataLoss: false, name: "both" };
  const first = await holdStream(t, [kept, gone], { stream });
  await first.batch();
  await deleteTopic(gone);
  await first.batch();
  assert.equal(first.losses.length, 1);
  await first.stop();
  await assert.rejects(holdStream(t, [kept, gone], { stream, disk: first.disk }), { code: "TOPIC_NOT_FOUND" });
  const again = await holdStream(t, pattern, { stream, disk: first.disk });
  await again.batch();
  assert.deepEqual(again.losses, []);
});
