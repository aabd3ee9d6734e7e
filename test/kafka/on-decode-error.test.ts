import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { json, KafkaUtils, type Master, StreamingContext } from "millrace";
import { bootstrapServers, createTopic } from "../helpers/kafka.ts";
import { produce } from "../helpers/produce.ts";
import { runFixture } from "../helpers/run-fixture.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";

const linesOf = (file: string) =>
  existsSync(file)
    ? readFileSync(file, "utf8")
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line))
    : [];

async function run(
  t: Parameters<typeof createTopic>[0] & Parameters<typeof temporaryFolder>[0],
  policy: string,
  master: Master,
) {
  const topic = await createTopic(t, { partitions: 2 });
  await produce(topic, [
    { value: "1" },
    { value: "two", headers: { from: "shop" } },
    { value: "3" },
    { value: null },
    { value: "4", partition: 1 },
    { value: "{", partition: 1 },
  ]);
  const file = join(temporaryFolder(t), "out");
  const result = await runFixture("bad-records.ts", {
    master,
    params: { brokers: bootstrapServers(), topic, policy, file },
  });
  return { topic, ...result, batches: result.batches, got: linesOf(file), told: linesOf(`${file}.handler`) };
}

for (const master of ["local", "local[2]"] satisfies Master[]) {
  test(`on ${master} records that cannot be decoded are left out, counted once and told`, async (t) => {
    const { topic, error, skipped, batches, got } = await run(t, "skip", master);
    assert.equal(error, undefined);
    assert.deepEqual(got, [{ count: 3, values: [1, 3, 4] }]);
    assert.deepEqual(
      batches.map(({ inputs }) => inputs.map(({ records, skipped }) => [records, skipped])),
      [[[6, 3]]],
    );
    assert.equal(skipped.length, 1);
    const [{ batchTime, source, operator, count, first }] = skipped as [(typeof skipped)[0]];
    assert.deepEqual([batchTime, source, operator, count], [batches[0]!.batchTime, "numbers", undefined, 3]);
    assert.deepEqual([first.topic, first.partition, first.offset, first.error.code], [topic, 0, 1, "DECODE_FAILED"]);
    assert.match(first.error.message, /offset 1 of .* could not be decoded: Unexpected token/);
  });

  test(`on ${master} a handler is told of each, with the bytes and headers as they came`, async (t) => {
    const { error, skipped, got, told } = await run(t, "handler", master);
    assert.equal(error, undefined);
    assert.deepEqual(got, [{ count: 3, values: [1, 3, 4] }]);
    assert.equal(skipped[0]!.count, 3);
    const expected = [
      {
        partition: 0,
        offset: 1,
        field: "value",
        bytes: "two",
        headers: [["from", "shop"]],
        code: "DECODE_FAILED",
        own: true,
      },
      { partition: 0, offset: 3, field: "value", bytes: null, headers: [], code: "DECODE_FAILED", own: true },
      { partition: 1, offset: 1, field: "value", bytes: "{", headers: [], code: "DECODE_FAILED", own: true },
    ];
    // Once for each of the two passes.
    const inOrder = told.sort((a, b) => a.partition - b.partition || a.offset - b.offset);
    assert.deepEqual(
      inOrder,
      expected.flatMap((one) => [one, one]),
    );
  });
}

test("a handler that throws fails the task, and names the record", async (t) => {
  const { topic, error, skipped, got } = await run(t, "throws", "local");
  assert.equal(error!.code, "TASK_FAILED");
  assert.equal(error!.message, `onDecodeError failed at ${topic}-0 offset 1: the dead letters are full`);
  assert.equal((error!.cause as Error).name, "RangeError");
  assert.deepEqual([skipped, got], [[], []]);
});

test("by default such a record fails its task when it is looked at, and only then", async (t) => {
  const { error, skipped, batches } = await run(t, "fail", "local");
  assert.equal(error!.code, "DECODE_FAILED");
  assert.equal(
    error!.hint,
    "Check that valueDecoder fits what the topic holds; onDecodeError can leave such records out.",
  );
  assert.deepEqual([skipped, batches[0]!.inputs[0]!.skipped], [[], 0]);
});

test("a failure further on is still told with its record", async (t) => {
  const topic = await createTopic(t);
  await produce(topic, [{ value: "x" }, { value: "1" }, { value: "2" }]);
  const ssc = new StreamingContext({ appName: "t", batchInterval: 20, trigger: "availableNow", taskMaxFailures: 1 });
  const params = { "bootstrap.servers": bootstrapServers(), "auto.offset.reset": "earliest" } as const;
  KafkaUtils.createDirectStream(ssc, [topic], params, { valueDecoder: json<number>(), onDecodeError: "skip" })
    .map(({ value }) => {
      if (value === 2) throw new Error("two");
      return value;
    })
    .foreachRDD(async (rdd) => void (await rdd.count()));
  await ssc.start();
  await assert.rejects(ssc.awaitTermination(), new RegExp(`failed at ${topic}-0 offset 2: two$`));
});

test("fixed ranges have the option too, and what their actions left out is told at the end", async (t) => {
  const topic = await createTopic(t);
  await produce(topic, [{ value: "1" }, { value: "x" }]);
  const ssc = new StreamingContext({ appName: "t", batchInterval: 20 });
  const ranges = [{ topic, partition: 0, fromOffset: 0, untilOffset: 2 }];
  const rdd = KafkaUtils.createRDD(ssc, { "bootstrap.servers": bootstrapServers() }, ranges, {
    valueDecoder: json<number>(),
    onDecodeError: "skip",
  });
  const counts: number[] = [];
  ssc.addStreamingListener({ onRecordsSkipped: ({ count }) => counts.push(count) });
  const values: number[] = [];
  ssc.onDriver(async () => {
    values.push(...(await rdd.collect()).map(({ value }) => value));
  });
  await ssc.start();
  await ssc.awaitTermination();
  assert.deepEqual([values, counts], [[1], [1]]);
  assert.throws(() => KafkaUtils.createRDD(ssc, {}, ranges, { onDecodeError: "ignore" as never }), {
    message: 'createRDD: "onDecodeError" must be "fail", "skip" or a function; it is "ignore".',
  });
});
