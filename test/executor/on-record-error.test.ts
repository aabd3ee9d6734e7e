import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import {
  type ConsumerRecord,
  type DStream,
  json,
  KafkaUtils,
  type Master,
  type RecordsSkipped,
  StreamingContext,
} from "millrace";
import { runPipeline } from "millrace/testing";
import { bootstrapServers, createTopic } from "../helpers/kafka.ts";
import { produce } from "../helpers/produce.ts";
import { runFixture } from "../helpers/run-fixture.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";

async function runNumbers(t: TestContext, master: Master, onRecordError: "fail" | "skip", failFirstTry = false) {
  const topic = await createTopic(t, { partitions: 2 });
  const numbers = [1, 13, 2, 13, 3];
  await produce(topic, [
    ...numbers.map((n) => ({ value: `${n}` })),
    { value: "4", partition: 1 },
    { value: "13", partition: 1 },
  ]);
  const file = join(temporaryFolder(t), "out");
  const params = { brokers: bootstrapServers(), topic, file, failFirstTry };
  const run = await runFixture("failing-functions.ts", { master, onRecordError, params });
  const got = (name: string) => readFileSync(`${file}.${name}`, "utf8").trim().split("\n").sort();
  return { topic, got, ...run };
}

const summary = (skipped: readonly RecordsSkipped[]) =>
  skipped.map(({ source, operator, count, first }) => [
    source,
    operator!.split(" ")[0],
    count,
    first.partition,
    first.offset,
  ]);

for (const master of ["local", "local[2]"] satisfies Master[]) {
  test(`on ${master} a value at which a function throws goes no further, on that branch alone`, async (t) => {
    const { topic, got, error, skipped, batches } = await runNumbers(t, master, "skip");
    assert.equal(error, undefined);
    assert.deepEqual(got("numbers"), ["1", "13", "13", "13", "2", "3", "4"]);
    assert.deepEqual(got("doubled"), ["2", "4", "6", "8"]);
    assert.deepEqual(got("kept"), ["1", "2", "3", "4"]);
    // What a generator has handed on before it threw stays.
    assert.deepEqual(got("parts"), ["13a", "13a", "13a", "1a", "1b", "2a", "2b", "3a", "3b", "4a", "4b"]);
    assert.deepEqual(got("pieces"), ["1", "1", "14", "14", "14", "2", "2", "2", "3", "3", "3", "4", "4", "4", "5"]);

    // A record counts once for each operator, also when that sees several values of it.
    assert.deepEqual(summary(skipped), [
      ["numbers", "map", 3, 0, 1],
      ["numbers", "filter", 3, 0, 1],
      ["numbers", "flatMap", 3, 0, 1],
      ["numbers", "map", 3, 0, 1],
    ]);
    const { batchTime, operator, first } = skipped[0]!;
    assert.equal(batchTime, batches[0]!.batchTime);
    assert.match(operator!, /^map at failing-functions\.ts:\d+:\d+$/);
    assert.equal(first.error.message, `${operator} failed at ${topic}-0 offset 1: thirteen brings bad luck`);
    assert.equal((first.error.cause as Error).name, "RangeError");
    assert.deepEqual(first.error.at, { operator, topic, partition: 0, offset: 1 });
    assert.deepEqual(
      batches.map(({ inputs }) => inputs.map(({ skipped }) => skipped)),
      [[12]],
    );
  });

  test(`on ${master} only what the accepted try has left out is counted`, async (t) => {
    const { got, error, failures, skipped } = await runNumbers(t, master, "skip", true);
    assert.equal(error, undefined);
    assert.equal(failures.length, 2);
    assert.deepEqual(got("doubled"), ["2", "4", "6", "8"]);
    assert.deepEqual(
      skipped.map(({ count }) => count),
      [3, 3, 3, 3],
    );
  });
}

test("by default it fails its task", async (t) => {
  const { topic, error, skipped } = await runNumbers(t, "local", "fail");
  assert.equal(error!.code, "TASK_FAILED");
  assert.match(
    error!.message,
    new RegExp(`^\\w+ at failing-functions.ts:\\S+ failed at ${topic}-[01] offset 1: thirteen`),
  );
  assert.deepEqual(skipped, []);
});

/** Runs one graph over the values 1 and 13 of a topic, with onRecordError: "skip". */
async function run<U>(
  t: TestContext,
  build: (stream: DStream<ConsumerRecord<string | null, number>>) => DStream<U>,
): Promise<U[]> {
  const topic = await createTopic(t);
  await produce(topic, [{ value: "1" }, { value: "13" }, { value: "2" }]);
  const ssc = new StreamingContext({
    appName: "t",
    batchInterval: 20,
    trigger: "availableNow",
    taskMaxFailures: 1,
    onRecordError: "skip",
  });
  const params = { "bootstrap.servers": bootstrapServers(), "auto.offset.reset": "earliest" } as const;
  const values: U[] = [];
  const decoder = { valueDecoder: json<number>() };
  build(KafkaUtils.createDirectStream(ssc, [topic], params, decoder)).foreachRDD(
    async (rdd) => void values.push(...(await rdd.collect())),
  );
  await ssc.start();
  await ssc.awaitTermination();
  return values;
}

const refuse = (n: number) => {
  if (n === 13) throw new RangeError("thirteen");
  return n;
};

test("what is made of map, filter and flatMap leaves out too, and the rest goes on through a shuffle", async (t) => {
  const sums = await run(t, (stream) =>
    stream
      .map(({ value }) => ["all", value])
      .mapValues(refuse)
      .reduceByKey((a, b) => a + b),
  );
  assert.deepEqual(sums, [["all", 3]]);
});

const failing: { [name: string]: (stream: DStream<ConsumerRecord<string | null, number>>) => DStream<unknown> } = {
  "after a shuffle": (stream) =>
    stream
      .map(({ value }) => value)
      .repartition(1)
      .map(refuse),
  "behind a function that waits": (stream) => stream.mapAsync(async ({ value }) => value).map(refuse),
  "in a function that waits": (stream) => stream.mapAsync(async ({ value }) => refuse(value)),
  "behind an operator that takes several values": (stream) =>
    stream
      .map(({ value }) => value)
      .glom()
      .flatMap((values) => values.slice())
      .map(refuse),
  "where values are combined, right behind a map": (stream) =>
    stream.map(({ value }) => [1, value]).reduceByKey((a, b) => refuse(b) + a),
  "where the partition is reduced": (stream) => stream.map(({ value }) => value).reduce((a, b) => refuse(b) + a),
};
for (const [where, build] of Object.entries(failing)) {
  test(`${where} there is no record to leave out: it fails`, async (t) => {
    await assert.rejects(run(t, build), { code: "TASK_FAILED", message: /thirteen/ });
  });
}

test("an async function, and a record that cannot be decoded, are not what it is about", async (t) => {
  await assert.rejects(
    run(t, (stream) => stream.map(async ({ value }) => value) as never),
    { code: "ASYNC_FUNCTION" },
  );
  const texts = (stream: DStream<ConsumerRecord<string | null, number>>) =>
    stream.map(({ key, value }) => [key, value] as const);
  const topic = await createTopic(t);
  await produce(topic, [{ value: "no json" }]);
  const ssc = new StreamingContext({ appName: "t", batchInterval: 20, trigger: "availableNow", onRecordError: "skip" });
  const params = { "bootstrap.servers": bootstrapServers(), "auto.offset.reset": "earliest" } as const;
  texts(KafkaUtils.createDirectStream(ssc, [topic], params, { valueDecoder: json<number>() })).foreachRDD(
    async (rdd) => void (await rdd.count()),
  );
  await ssc.start();
  await assert.rejects(ssc.awaitTermination(), { code: "DECODE_FAILED" });
});

test("values that are not from Kafka have no offset to be told by: it fails", async () => {
  const batches = runPipeline([[1, 13]], (stream) => stream.map(refuse), { onRecordError: "skip", taskMaxFailures: 1 });
  await assert.rejects(batches, { code: "TASK_FAILED" });
  await assert.rejects(
    runPipeline([[1]], (stream) => stream, { onRecordError: "ignore" as never }),
    {
      code: "BAD_OPTION",
      message: /"onRecordError" must be one of "fail", "skip"/,
    },
  );
});
