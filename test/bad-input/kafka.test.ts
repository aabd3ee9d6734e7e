/** What can be wrong about brokers, topics, offsets and records, as a user meets it through runJob. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type DirectStreamOptions,
  defineJob,
  type KafkaParams,
  KafkaUtils,
  type MillraceError,
  runJob,
  type TopicSelection,
} from "millrace";
import { assertRefused } from "../helpers/assert-error.ts";
import { startBrokerProxy } from "../helpers/broker-proxy.ts";
import { freePort } from "../helpers/free-port.ts";
import { bootstrapServers, createTopic, topicName } from "../helpers/kafka.ts";
import { assertNothingLeft } from "../helpers/open-resources.ts";
import { produce } from "../helpers/produce.ts";
import { runFixture } from "../helpers/run-fixture.ts";

/** Starts a stream that prints; rejects with what is wrong about it. */
async function start(
  topics: TopicSelection,
  params: KafkaParams,
  options: DirectStreamOptions<string | null, string | null> = {},
) {
  const job = defineJob({ appName: "bad", batchInterval: 20, master: "local", trigger: "availableNow" }, (ssc) => {
    KafkaUtils.createDirectStream(ssc, topics, params, options).foreachRDD(async (rdd) => void (await rdd.collect()));
  });
  const running = await runJob(job);
  await running.awaitTermination();
}

const brokers = (more: object = {}): KafkaParams => ({ "bootstrap.servers": bootstrapServers(), ...more });

test("no broker there: told within 10 s, with the address", { timeout: 20_000 }, async (t) => {
  assertNothingLeft(t);
  const address = `127.0.0.1:${await freePort()}`;
  const before = performance.now();
  await assertRefused(
    start(["any"], { "bootstrap.servers": address }),
    "BROKER_UNREACHABLE",
    new RegExp(`No Kafka broker answered.*${address}`),
    /"bootstrap\.servers".*brokers run/,
  );
  const seconds = (performance.now() - before) / 1_000;
  assert(seconds < 11, `after ${seconds} s`);
});

test("a broker that speaks no TLS, where TLS is asked for, is told at once", async (t) => {
  assertNothingLeft(t);
  await assertRefused(start(["any"], brokers({ ssl: {} })), "BROKER_REFUSED", /TLS/, /"ssl"/);
});

test("a record that was damaged on its way is named, and is not handed on", async (t) => {
  assertNothingLeft(t);
  const topic = await createTopic(t, { partitions: 1 });
  await produce(topic, [{ value: "before" }]);
  await produce(topic, [{ value: "what was sent" }]);
  await using proxy = await startBrokerProxy({ whole: "what was sent", damaged: "what was Sent" });
  const params = { "bootstrap.servers": `127.0.0.1:${proxy.port}`, "auto.offset.reset": "earliest" } as const;
  const told = await assertRefused(
    start([topic], params),
    "CORRUPT_RECORD",
    new RegExp(`offset 1 of ${topic}-0`),
    /broker's disk|network/,
  );
  assert.deepEqual([told.at.topic, told.at.partition, told.at.offset], [topic, 0, 1]);
});

test("a topic that does not exist is named, and one like it offered", async (t) => {
  assertNothingLeft(t);
  const topic = await createTopic(t);
  const wrong = topic.replace("test", "tset");
  await assertRefused(
    start([wrong], brokers()),
    "TOPIC_NOT_FOUND",
    new RegExp(`Topic "${wrong}" does not exist`),
    new RegExp(`Did you mean .*"${topic}"`),
  );
  await assertRefused(
    start([topicName(t).slice(-8)], brokers()),
    "TOPIC_NOT_FOUND",
    /does not exist/,
    /Create it|Did you mean/,
  );
  await assertRefused(
    start([{ topic, partition: 7 }], brokers()),
    "BAD_OPTION",
    /has no partition 7/,
    /partitions 0 to 0/,
  );
});

test("what is no selection of topics is refused", async () => {
  for (const topics of [[], "page-views", [""], [1], [{ topic: "a" }], null]) {
    await assertRefused(
      start(topics as never, brokers()),
      "BAD_OPTION",
      /no topics/,
      /names \(\["page-views"\]\), a pattern/,
    );
  }
});

test("fromOffsets of another topic or partition is refused", async (t) => {
  assertNothingLeft(t);
  const topic = await createTopic(t, { partitions: 2 });
  await assertRefused(
    start([topic], brokers(), { fromOffsets: { "page-veiws": { 0: 0 } } }),
    "BAD_OPTION",
    /fromOffsets names topic "page-veiws", which the stream does not read/,
    new RegExp(topic),
  );
  await assertRefused(
    start([topic], brokers(), { fromOffsets: { [topic]: { 5: 0 } } }),
    "BAD_OPTION",
    new RegExp(`^fromOffsets names partition 5 of "${topic}", which the stream does not read\\.$`),
    new RegExp(`^Of "${topic}" it reads partitions 0 to 1\\.$`),
  );
  await assertRefused(
    start([{ topic, partition: 1 }], brokers(), { fromOffsets: { [topic]: { 0: 0 } } }),
    "BAD_OPTION",
    new RegExp(`^fromOffsets names partition 0 of "${topic}", which the stream does not read\\.$`),
    new RegExp(`^Of "${topic}" it reads partition 1\\.$`),
  );
  for (const offset of [-1, 0.5, "3"]) {
    await assertRefused(
      start([topic], brokers(), { fromOffsets: { [topic]: { 0: offset as number } } }),
      "BAD_OPTION",
      /the offset of .*-0 is/,
      /whole number from 0/,
    );
  }
});

test("options that say where to start are refused when they cannot be meant", async (t) => {
  assertNothingLeft(t);
  const topic = await createTopic(t);
  for (const startingTimestamp of [-1, 1.5, "2026-01-01" as never, new Date() as never]) {
    await assertRefused(
      start([topic], brokers(), { startingTimestamp }),
      "BAD_OPTION",
      /"startingTimestamp" must be a whole number of at least 0/,
      /Correct/,
    );
  }
  const tomorrow = Date.now() + 86_400_000;
  await assertRefused(
    start([topic], brokers(), { startingTimestamp: tomorrow }),
    "BAD_OPTION",
    new RegExp(`^startingTimestamp is in the future: ${new Date(tomorrow).toISOString()}; now it is 20`),
    /milliseconds since 1970.*"latest"/,
  );
  await assertRefused(
    start([topic], brokers(), { startingTimestamp: 9 * 10 ** 15 }),
    "BAD_OPTION",
    /in the future: 9000000000000000; now it is 20/,
    /milliseconds/,
  );
  for (const option of ["startFromGroup", "commitToGroup"]) {
    await assertRefused(
      start([topic], brokers(), { [option]: true }),
      "BAD_OPTION",
      new RegExp(`"${option}" needs to know which group`),
      /Set "group\.id" in kafkaParams/,
    );
  }
  await assertRefused(
    start([topic], brokers({ "group.id": "g" }), { startFromGroup: true, startingTimestamp: 1 }),
    "BAD_OPTION",
    /"startingTimestamp" and "startFromGroup" both say/,
    /Keep one/,
  );
  await assertRefused(
    start([topic], brokers({ "auto.offset.reset": "none", "group.id": "nobody" }), { startFromGroup: true }),
    "BAD_OPTION",
    new RegExp(`Nothing says where to start ${topic}-0, and "auto\\.offset\\.reset" is "none"`),
    /fromOffsets.*startFromGroup/,
  );
  await assertRefused(
    start([topic], brokers({ "metadata.max.age.ms": -1 })),
    "BAD_OPTION",
    /"metadata\.max\.age\.ms" must be a whole number from 0/,
    /Correct/,
  );
  await assertRefused(
    start([topic], brokers(), { failOnDataLoss: "no" as never }),
    "BAD_OPTION",
    /"failOnDataLoss" must be true or false/,
    /Correct/,
  );
});

test("fromOffsets past the end is refused, with what is there", async (t) => {
  assertNothingLeft(t);
  const topic = await createTopic(t);
  await produce(topic, [{ value: "1" }, { value: "2" }]);
  const error = await assertRefused(
    start([topic], brokers(), { fromOffsets: { [topic]: { 0: 3 } } }),
    "OFFSETS_LOST",
    /-0 at 3, but the broker has 0 to 2/,
    /past the end/,
  );
  assert.deepEqual(error.at, { topic, partition: 0, offset: 3 });
  await start([topic], brokers(), { fromOffsets: { [topic]: { 0: 2 } } });
});

test("a list of brokers that is none is refused before anything is asked", async () => {
  for (const [list, message] of [
    ["", /"bootstrap\.servers" must be a text that is not empty/],
    ["localhost:9092,", /an entry is empty/],
    ["localhost:port", /"localhost:port" is not host:port/],
    ["PLAINTEXT://localhost:9092", /"PLAINTEXT:\/\/localhost:9092" is not host:port/],
    ["localhost:99999", /"localhost:99999" is not host:port/],
    ["local host:9092", /is not host:port/],
  ] as const) {
    await assertRefused(
      start(["a"], { "bootstrap.servers": list }),
      "BAD_OPTION",
      message,
      /host1:9092,host2:9092|Correct/,
    );
  }
  await assertRefused(start(["a"], {}), "BAD_OPTION", /"bootstrap\.servers" is missing/, /host1:9092/);
  await assertRefused(
    start(["a"], { "bootstrap.servers": ["a:1"] as never }),
    "BAD_OPTION",
    /must be a text/,
    /Correct/,
  );
});

test("an unknown Kafka parameter or option is refused, with the one that was meant", async () => {
  await assertRefused(
    start(["a"], brokers({ "bootstrap.server": "a:1" })),
    "BAD_OPTION",
    /kafkaParams has no option "bootstrap\.server"/,
    /Did you mean "bootstrap\.servers"\?/,
  );
  await assertRefused(
    start(["a"], brokers({ "auto.offset.rest": "earliest" })),
    "BAD_OPTION",
    /"auto\.offset\.rest"/,
    /Did you mean "auto\.offset\.reset"\?/,
  );
  await assertRefused(
    start(["a"], brokers({ "auto.offset.reset": "first" })),
    "BAD_OPTION",
    /must be one of "earliest", "smallest"/,
    /Correct/,
  );
  await assertRefused(
    start(["a"], brokers(), { valueDecodr: 1 } as never),
    "BAD_OPTION",
    /createDirectStream has no option "valueDecodr"/,
    /Did you mean "valueDecoder"\?/,
  );
  await assertRefused(
    start(["a"], brokers(), { valueDecoder: "json" } as never),
    "BAD_OPTION",
    /A decoder is a function/,
    /json\(\)/,
  );
});

test("two streams of the same topics need names", async () => {
  const job = defineJob({ appName: "twice", batchInterval: 20, master: "local" }, (ssc) => {
    for (const _ of [1, 2]) KafkaUtils.createDirectStream(ssc, ["same"], brokers()).foreachRDD(() => {});
  });
  await assertRefused(
    runJob(job),
    "BAD_OPTION",
    /Two streams are named "same"; the second one is createDirectStream at kafka\.test\.ts/,
    /name: "\.\.\."/,
  );
});

for (const master of ["local", "local[2]"] as const) {
  test(`a value, or a key, that cannot be decoded names its record, and is not tried again, on ${master}`, async (t) => {
    assertNothingLeft(t);
    for (const [field, record] of [
      ["value", { key: "1", value: "{not json" }],
      ["key", { key: "oops", value: "1" }],
    ] as const) {
      const topic = await createTopic(t, { partitions: 2 });
      const good = { key: "1", value: "1", partition: 1 };
      await produce(topic, [good, good, { ...record, partition: 1 }, good]);
      const { error, failures } = await runFixture("kafka-values.ts", {
        master,
        params: { brokers: bootstrapServers(), topic },
      });
      const told = await assertRefused(
        Promise.reject(error),
        "DECODE_FAILED",
        new RegExp(`^The ${field} of the record at offset 2 of ${topic}-1 could not be decoded: .*JSON`),
        new RegExp(`${field}Decoder`),
      );
      assert.deepEqual([told.at.topic, told.at.partition, told.at.offset], [topic, 1, 2]);
      assert.equal(failures.length, 1);
    }
  });

  test(`a function that throws at a record, sync or async, is named with that record on ${master}`, async (t) => {
    assertNothingLeft(t);
    const topic = await createTopic(t, { partitions: 2 });
    await produce(
      topic,
      [1, 2, 13, 4].map((n) => ({ key: "0", value: String(n), partition: 1 })),
    );
    const at = (error: MillraceError) => [error.at.topic, error.at.partition, error.at.offset];
    const params = { brokers: bootstrapServers(), topic };
    const sync = await runFixture("kafka-values.ts", { master, params: { ...params, trouble: "map" } });
    const syncError = await assertRefused(
      Promise.reject(sync.error),
      "TASK_FAILED",
      new RegExp(`^map at kafka-values\\.ts:\\d+:\\d+ failed at ${topic}-1 offset 2: thirteen brings bad luck$`),
      /its own error is the cause/,
    );
    assert.deepEqual(at(syncError), [topic, 1, 2]);
    assert.match((syncError.cause as Error).stack ?? "", /^RangeError: thirteen.*\n.*kafka-values\.ts/);
    assert.equal(sync.failures.length, 2);
    // A function that waits has the records after it under way: the partition is known, the offset is not.
    const later = await runFixture("kafka-values.ts", { master, params: { ...params, trouble: "mapAsync" } });
    const asyncError = await assertRefused(
      Promise.reject(later.error),
      "TASK_FAILED",
      /^mapAsync at kafka-values\.ts:\d+:\d+ failed: thirteen/,
      /cause/,
    );
    assert.deepEqual(at(asyncError).slice(0, 2), [topic, 1]);
  });
}
