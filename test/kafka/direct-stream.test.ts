import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type BatchInfo,
  type DirectStreamOptions,
  defineJob,
  type EngineOptions,
  type KafkaParams,
  KafkaUtils,
  runJob,
  type TopicSelection,
} from "millrace";
import { bootstrapServers, createTopic } from "../helpers/kafka.ts";
import { openTransactionalProducer, produce, produceMany } from "../helpers/produce.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";

interface Read {
  readonly values: string[];
  readonly batches: BatchInfo[];
}

/** Reads all there is, in this process. */
async function readAll(
  topics: TopicSelection,
  params: KafkaParams = {},
  options: DirectStreamOptions<string | null, string | null> = {},
  engine: EngineOptions = {},
): Promise<Read> {
  const values: string[] = [];
  const batches: BatchInfo[] = [];
  const kafkaParams = { "bootstrap.servers": bootstrapServers(), "auto.offset.reset": "earliest", ...params } as const;
  const job = defineJob({ appName: "direct", batchInterval: "1s", master: "local", trigger: "availableNow" }, (ssc) => {
    KafkaUtils.createDirectStream(ssc, topics, kafkaParams, options)
      .map(
        ({ topic, partition, offset, value }) =>
          `${topic === topics.toString() ? "" : `${topic}/`}${partition}:${offset}=${value}`,
      )
      .foreachRDD(async (rdd) => void values.push(...(await rdd.collect())));
  });
  const running = await runJob(job, { ...engine, listeners: [{ onBatchCompleted: (info) => batches.push(info) }] });
  await running.awaitTermination();
  return { values, batches };
}

test("fromOffsets wins for the partitions it names; the others follow auto.offset.reset", async (t) => {
  const topic = await createTopic(t, { partitions: 2 });
  await produceMany(topic, 6, (i) => `v${i}`, { partitions: 2 });
  const { values } = await readAll([topic], {}, { fromOffsets: { [topic]: { 1: 2 } } });
  assert.deepEqual(values, ["0:0=v0", "0:1=v2", "0:2=v4", "1:2=v5"]);
  const none = await readAll([topic], { "auto.offset.reset": "latest" }, { fromOffsets: { [topic]: { 1: 2 } } });
  assert.deepEqual(none.values, ["1:2=v5"]);
});

test("startingTimestamp starts at the first record of that time or later", async (t) => {
  const topic = await createTopic(t);
  const time = 1_700_000_000_000;
  await produce(
    topic,
    [0, 1, 2, 3].map((i) => ({ value: `v${i}`, timestamp: time + i * 1000 })),
  );
  const { values } = await readAll([topic], {}, { startingTimestamp: time + 1500 });
  assert.deepEqual(values, ["0:2=v2", "0:3=v3"]);
});

test("a pattern reads every topic that matches, and partitions can be picked one by one", async (t) => {
  const a = await createTopic(t, { partitions: 1 });
  const b = await createTopic(t, { partitions: 2 });
  await produceMany(a, 1, () => "a");
  await produceMany(b, 2, () => "b", { partitions: 2 });
  const both = await readAll(new RegExp(`^(${a.replaceAll(".", "\\.")}|${b.replaceAll(".", "\\.")})$`));
  assert.deepEqual(both.values.sort(), [`${a}/0:0=a`, `${b}/0:0=b`, `${b}/1:0=b`].sort());
  const one = await readAll([{ topic: b, partition: 1 }]);
  assert.deepEqual(one.values, [`${b}/1:0=b`]);
});

test("maxRatePerPartition cuts a backlog into batches without a gap, and lag says what is left", async (t) => {
  const topic = await createTopic(t, { partitions: 2 });
  await produceMany(topic, 50, (i) => `v${i}`, { partitions: 2 });
  const { values, batches } = await readAll([topic], {}, {}, { maxRatePerPartition: 10 });
  assert.equal(values.length, 50);
  assert.deepEqual(
    batches.map(({ inputs }) => [inputs[0]!.records, inputs[0]!.lag]),
    [
      [20, 30],
      [20, 10],
      [10, 0],
    ],
  );
  assert.deepEqual(
    batches.map(({ inputs }) => inputs[0]!.partitions),
    [15, 5, 0].map((lag) => [0, 1].map((partition) => ({ topic, partition, lag }))),
  );
});

test("backpressure bounds the first batches too, after a restart as well, and leaves nothing out", async (t) => {
  const topic = await createTopic(t, { partitions: 2 });
  const engine = { backpressure: { initialRate: 10 }, checkpointDirectory: temporaryFolder(t) };
  for (const part of [0, 1]) {
    await produceMany(topic, 50, (i) => `${part}-${i}`, { partitions: 2 });
    const { values, batches } = await readAll([topic], {}, {}, engine);
    assert.equal(new Set(values).size, 50);
    assert.equal(values.length, 50);
    const records = batches.map(({ inputs }) => inputs[0]!.records);
    assert.deepEqual(records.slice(0, 2), [10, 10], "two batches, until the rate is known");
    assert.equal(records.length, 3, "whoever reads ten records in no time may read all that is left");
  }
});

test("maxBatchSize keeps the first batch over a backlog small, and later ones to the measured size", async (t) => {
  const topic = await createTopic(t);
  const mebibyte = 1024 * 1024;
  await produceMany(topic, 3000, (i) => `${i}`.padEnd(1024, "x"));
  const { values, batches } = await readAll([topic], {}, {}, { maxBatchSize: 1 });
  assert.equal(values.length, 3000);
  assert.ok(batches.length >= 3, `${batches.length} batches`);
  for (const { inputs } of batches) assert.ok(inputs[0]!.records <= mebibyte / 1024, `${inputs[0]!.records} records`);
});

test("minPartitions splits ranges into more tasks, and nothing is read twice", async (t) => {
  const topic = await createTopic(t, { partitions: 2 });
  await produceMany(topic, 40, (i) => `v${i}`, { partitions: 2 });
  const { values, batches } = await readAll([topic], {}, { minPartitions: 5 });
  assert.equal(batches[0]!.inputs[0]!.offsetRanges.length, 5);
  assert.equal(new Set(values).size, 40);
  assert.equal(values.length, 40);
});

test("read_committed sees committed transactions only, and goes on past the aborted ones", async (t) => {
  const topic = await createTopic(t);
  await using producer = openTransactionalProducer(topic);
  const aborted = await producer.begin();
  await aborted.write([{ value: "no" }]);
  await aborted.abort();
  const committed = await producer.begin();
  await committed.write([{ value: "yes" }]);
  await committed.commit();
  const { values } = await readAll([topic], { "isolation.level": "read_committed" });
  assert.deepEqual(values, ["0:2=yes"]);
});

test("two streams of one job read the same topic under names of their own, and a union reads both", async (t) => {
  const topic = await createTopic(t);
  await produceMany(topic, 2, (i) => `v${i}`);
  const values: (string | null)[] = [];
  const build = (names: readonly (string | undefined)[]) =>
    defineJob({ appName: "two", batchInterval: "1s", master: "local", trigger: "availableNow" }, (ssc) => {
      const params = { "bootstrap.servers": bootstrapServers(), "auto.offset.reset": "earliest" } as const;
      const streams = names.map((name) => KafkaUtils.createDirectStream(ssc, [topic], params, { name }));
      ssc
        .union(...streams)
        .map(({ value }) => value)
        .foreachRDD(async (rdd) => void values.push(...(await rdd.collect())));
    });
  await assert.rejects(runJob(build([undefined, undefined])), { code: "BAD_OPTION", message: /Two streams are named/ });
  await (await runJob(build(["a", "b"]))).awaitTermination();
  assert.deepEqual(values, ["v0", "v1", "v0", "v1"]);
});
