import assert from "node:assert/strict";
import { test } from "node:test";
import { defineJob, KafkaUtils, runJob } from "millrace";
import { kafka } from "millrace/sinks";
import { sinkContract } from "millrace/testing";
import { runKafkaTool } from "../../dev/kafka/index.ts";
import type { ProducerIdentity } from "../../src/kafka/writing/batch-encoder.ts";
import { murmur2 } from "../../src/kafka/writing/murmur2.ts";
import { TransactionCoordinator } from "../../src/kafka/writing/transaction-coordinator.ts";
import { partitionOf } from "../../src/operators/partition.ts";
import { bootstrapServers, createTopic, topicName } from "../helpers/kafka.ts";
import { assertNothingLeft } from "../helpers/open-resources.ts";
import { produceMany } from "../helpers/produce.ts";
import { waitUntil } from "../helpers/wait-until.ts";
import { asAdmin } from "../kafka/read-all.ts";
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

sinkContract<string>(
  (name, run) => test(`kafka: ${name}`, run),
  async () => {
    const topic = await createTopic({ name: "sink contract" }, { partitions: 2 });
    return {
      sink: kafka<string>({
        kafkaParams: kafkaParams(),
        topic,
        key: (v) => v,
        value: (v) => v,
        progressTopic: await progressTopic(),
      }),
      value: (n) => `value ${n}`,
      stored: async () => (await committedValues(topic)).map(String),
    };
  },
);

test("murmur2 is that of Java's clients", () => {
  const golden = {
    "21": -973932308,
    foobar: -790332482,
    "a-little-bit-long-string": -985981536,
    lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8: -58897971,
    abc: 479470107,
  };
  for (const [key, hash] of Object.entries(golden)) assert.equal(murmur2(Buffer.from(key)), hash, key);
});

test("a job copies what passes a filter from topic to topic, once", async (t) => {
  const from = await createTopic(t, { partitions: 2 });
  const to = await createTopic(t, { partitions: 3 });
  const progress = await progressTopic();
  const job = defineJob({ appName: "copy", batchInterval: "20ms", master: "local", trigger: "availableNow" }, (ssc) => {
    KafkaUtils.createDirectStream(ssc, [from], { ...kafkaParams(), "auto.offset.reset": "earliest" })
      .map(({ value }) => Number(value))
      .filter((n) => n % 2 === 0)
      .saveTo(
        kafka({ kafkaParams: kafkaParams(), topic: to, value: (n: number) => `even ${n}`, progressTopic: progress }),
        { name: "even" },
      );
  });
  await produceMany(from, 100, String, { partitions: 2 });
  await (await runJob(job)).awaitTermination();
  const even = Array.from({ length: 50 }, (_, i) => `even ${2 * i}`);
  assert.deepEqual((await committedValues(to)).toSorted(), even.toSorted());
});

for (const compression of ["none", "gzip", "snappy", "lz4", "zstd"] as const) {
  test(`Kafka's own consumer reads what is written with ${compression}, nulls and two million bytes too`, async (t) => {
    const topic = await createTopic(t);
    const records: [string | null, string | null][] = [
      ["key", "value"],
      [null, "no key"],
      ["no value", null],
      ["ключ", "значение"],
      ...Array.from({ length: 2_000 }, (_, i): [string, string] => [`k${i}`, `${i} `.repeat(200)]),
    ];
    const sink = kafka<[string | null, string | null]>({
      kafkaParams: kafkaParams(),
      topic,
      key: ([key]) => key,
      value: ([, value]) => value,
      compression,
      progressTopic: await progressTopic(),
    });
    assert.equal(await save(sink, records), "written");
    const { stdout } = await runKafkaTool("org.apache.kafka.tools.consumer.ConsoleConsumer", [
      ...["--bootstrap-server", bootstrapServers(), "--topic", topic, "--from-beginning"],
      ...["--isolation-level", "read_committed", "--max-messages", String(records.length), "--timeout-ms", "20000"],
      ...["--formatter-property", "print.key=true", "--formatter-property", "key.separator=|"],
    ]);
    assert.deepEqual(
      stdout
        .trim()
        .split("\n")
        .map((line) => line.trim()),
      records.map(([key, value]) => `${key}|${value}`.trim()),
    );
  });
}

test("equal keys go where Java's clients put them, values without a key round the partitions", async (t) => {
  const topic = await createTopic(t, { partitions: 3 });
  const sink = kafka<string | null>({
    kafkaParams: kafkaParams(),
    topic,
    key: (key) => key,
    value: () => "v",
    progressTopic: await progressTopic(),
  });
  await save(sink, ["foobar", "abc", null, null, null, "foobar"]);
  const places = (await committed(topic)).map(({ key, partition }) => [key, partition]);
  const place = (hash: number) => (hash & 0x7fffffff) % 3;
  const expected = [
    ["foobar", place(-790332482)],
    ["foobar", place(-790332482)],
    ["abc", place(479470107)],
    [null, 0],
    [null, 1],
    [null, 2],
  ];
  assert.deepEqual(places.map(String).toSorted(), expected.map(String).toSorted());
});

test("a reader of committed records sees nothing of an attempt that died; the next one ends it and writes once", async (t) => {
  const topic = await createTopic(t);
  const sink = kafka<string>({
    kafkaParams: kafkaParams(),
    topic,
    value: (v) => v,
    progressTopic: await progressTopic(),
  });
  await leaveOpen(transactionalId, topic, "of the dead");
  assert.deepEqual([await endOffset(topic, "read_uncommitted"), await committedSoFar(topic)], [1, []]);
  assert.equal(await save(sink, ["a", "b"]), "written");
  assert.deepEqual(await committedValues(topic), ["a", "b"]);
  assert.equal(await save(sink, ["a", "b"]), "already written");
  assert.deepEqual(await committedValues(topic), ["a", "b"]);
});

test("an output tells what is committed in the partition that has come furthest, as soon as that is decided; what is open is ended", async (t) => {
  const topic = await createTopic(t);
  const progress = await progressTopic();
  const sink = kafka<string>({ kafkaParams: kafkaParams(), topic, value: (v) => v, progressTopic: progress });
  const { definition, connection } = await openSink(sink);
  t.after(() => definition.close(connection));
  const told = () => definition.progress!(connection, commit);
  for (let seq = 1; seq <= 20; seq++) {
    // The brokers answer when it is decided, and write down what was decided a little later.
    await save(sink, ["a"], { seq, epoch: 3, partition: 1 });
    assert.deepEqual(await told(), { seq, epoch: 3, seqs: [0, seq] });
  }
  await save(sink, ["b"], { seq: 7, epoch: 4 });
  await save(sink, ["c"], { seq: 30, epoch: 30, output: "out2" });
  assert.deepEqual(await told(), { seq: 20, epoch: 4, seqs: [7, 20] });
  const note = JSON.stringify({ seq: 21, epoch: 4, digest: "" });
  await leaveOpen(transactionalId, progress, note, transactionalId);
  assert.notEqual(await endOffset(progress, "read_committed"), await endOffset(progress, "read_uncommitted"));
  assert.deepEqual(await told(), { seq: 20, epoch: 4, seqs: [7, 20] });
  assert.equal(await endOffset(progress, "read_committed"), await endOffset(progress, "read_uncommitted"));
});

test("progress is found behind a stranger's transaction that is still open in the progress topic", async (t) => {
  const topic = await createTopic(t);
  const progress = await progressTopic();
  const sink = kafka<string>({ kafkaParams: kafkaParams(), topic, value: (v) => v, progressTopic: progress });
  await leaveOpen(`stranger of ${topic}`, progress, "stranger");
  assert.equal(await save(sink, ["a"]), "written");
  assert.equal(
    await endOffset(progress, "read_committed"),
    0,
    "the stranger holds back whoever reads to the stable end",
  );
  assert.equal(await save(sink, ["a"]), "already written");
  assert.deepEqual(await committedValues(topic), ["a"]);
});

test("a writer that is fenced while it encodes begins again and writes once", async (t) => {
  const topic = await createTopic(t);
  const progress = await progressTopic();
  const sink = kafka<string>({ kafkaParams: kafkaParams(), topic, value: (v) => v, progressTopic: progress });
  const results: string[] = [];
  const { definition, connection } = await openSink(sink);
  const values = async function* () {
    yield ["a"];
    // Another attempt of the same work begins and commits meanwhile.
    results.push(await save(sink, ["a", "b"]));
    yield ["b"];
  };
  results.push(await definition.commitPartition(connection, partitionOf(values()), commit));
  await definition.close(connection);
  assert.deepEqual(results, ["written", "already written"]);
  assert.deepEqual(await committedValues(topic), ["a", "b"]);
});

test("an attempt that commits just before another one has its producer is seen: progress is read behind that, not before", async (t) => {
  const topic = await createTopic(t);
  const progress = await progressTopic();
  const sink = kafka<string>({ kafkaParams: kafkaParams(), topic, value: (v) => v, progressTopic: progress });
  const begin = t.mock.method(TransactionCoordinator.prototype, "begin");
  begin.mock.mockImplementationOnce(async function (this: TransactionCoordinator, timeoutMs: number) {
    assert.equal(await save(sink, ["a"]), "written");
    let producer: ProducerIdentity | undefined;
    // The commit was answered before it was carried out. A refusal meanwhile would make the writer look once more, whatever it does first.
    await waitUntil("the commit is carried out", async () => {
      producer = await this.begin(timeoutMs);
      return true;
    });
    return producer!;
  });
  assert.equal(await save(sink, ["a"]), "already written");
  assert.deepEqual(await committedValues(topic), ["a"]);
});

test("the brokers are told transactionTimeout, and refuse one above their limit", async (t) => {
  const topic = await createTopic(t);
  const sink = kafka<string>({
    ...{ kafkaParams: kafkaParams(), topic, value: (v) => v, progressTopic: await progressTopic() },
    transactionTimeout: "1h",
  });
  await assert.rejects(save(sink, ["a"]), { code: "SINK_FAILED", hint: /transaction\.max\.timeout\.ms/ });
});

test("a driver that finds itself replaced leaves nothing behind that goes on trying", async (t) => {
  const topic = await createTopic(t);
  const progress = await progressTopic();
  const sink = kafka<string>({ kafkaParams: kafkaParams(), topic, value: (v) => v, progressTopic: progress });
  const newer = await openSink(sink);
  await newer.definition.fence(newer.connection, 2, 1, commit);
  await newer.definition.close(newer.connection);

  assertNothingLeft(t);
  const old = await openSink(sink);
  await assert.rejects(old.definition.fence(old.connection, 1, 12, commit), { code: "FENCED" });
  await old.definition.close(old.connection);
});

test("a value that is too large ends at once, says what to do, and leaves nothing", async (t) => {
  const topic = await createTopic(t, { configs: { "max.message.bytes": "1000" } });
  const sink = kafka<string>({
    kafkaParams: kafkaParams(),
    topic,
    value: (v) => v,
    progressTopic: await progressTopic(),
  });
  await assert.rejects(save(sink, ["x".repeat(2_000)]), { code: "SINK_FAILED", hint: /max\.message\.bytes/ });
  assert.equal(await save(sink, ["small"]), "written");
  assert.deepEqual(await committedValues(topic), ["small"]);
});

test("a topic that is not there, and options that make no sense, are refused", async (t) => {
  const options = { kafkaParams: kafkaParams(), topic: topicName(t), value: String };
  await assert.rejects(openSink(kafka(options)), { code: "TOPIC_NOT_FOUND" });
  assert.throws(() => kafka({ ...options, topic: "millrace-progress" }), { code: "BAD_OPTION" });
  assert.throws(() => kafka({ ...options, compression: "rar" as "zstd" }), { code: "BAD_OPTION" });
  assert.throws(() => kafka({ kafkaParams: kafkaParams(), topic: "t" } as never), { code: "BAD_OPTION" });
});

test("the progress topic is made, compacted, when there is none", async (t) => {
  const topic = await createTopic(t);
  const progress = topicName(t);
  const sink = kafka<string>({ kafkaParams: kafkaParams(), topic, value: (v) => v, progressTopic: progress });
  assert.equal(await save(sink, ["a"]), "written");
  await asAdmin(async (admin) => {
    const [found] = await admin.describeConfigs({ resources: [{ resourceType: 2, resourceName: progress }] });
    const policy = found!.configs.find(({ name }) => name === "cleanup.policy");
    assert.equal(policy?.value, "compact");
  });
});
