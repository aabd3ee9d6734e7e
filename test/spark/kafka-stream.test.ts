/** Spark's KafkaStreamTests, against the real broker, in this process and on threads. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { OffsetRange, type RunOptions, runJob } from "millrace";
import { bootstrapServers, createTopic } from "../helpers/kafka.ts";
import { produce } from "../helpers/produce.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";
import job, { seen } from "./kafka-job.ts";
import { MASTERS } from "./run-flows.ts";

type Counts = { readonly [value: string]: number };

async function topicOf(t: TestContext, data: Counts): Promise<{ topic: string; count: number }> {
  const topic = await createTopic(t);
  const values = Object.entries(data).flatMap(([value, times]) => Array<string>(times).fill(value));
  await produce(
    topic,
    values.map((value) => ({ value })),
  );
  return { topic, count: values.length };
}

type Run = Pick<typeof seen, "values" | "ranges">;

async function runTest(
  name: string,
  { topic, count }: { topic: string; count: number },
  options: RunOptions<{}>,
): Promise<Run> {
  seen.values = [];
  seen.ranges = [];
  const params = { test: name, brokers: bootstrapServers(), topic, count };
  const running = await runJob<{}>(job, { ...options, params: params as {} });
  await running.awaitTermination();
  return { ...seen };
}

const countsOf = (values: readonly unknown[]): Counts => {
  const counts: Record<string, number> = {};
  for (const value of values as string[]) counts[value] = (counts[value] ?? 0) + 1;
  return counts;
};

const toSix = (topic: string): OffsetRange[] => [{ topic, partition: 0, fromOffset: 0, untilOffset: 6 }];

for (const master of MASTERS) {
  for (const name of ["kafka_direct_stream", "kafka_direct_stream_from_offset"]) {
    test(`${name}, on ${master}`, async (t) => {
      const data = { a: 1, b: 2, c: 3 };
      const { values } = await runTest(name, await topicOf(t, data), { master });
      assert.deepEqual(countsOf(values), data);
    });
  }

  test(`kafka_direct_stream_message_handler: a map over the records does what a messageHandler did, on ${master}`, async (t) => {
    const sent = await topicOf(t, { a: 1, b: 2, c: 3 });
    const { values } = await runTest("kafka_direct_stream_message_handler", sent, { master });
    assert.deepEqual(countsOf(values), { aa: 1, bb: 2, cc: 3 });
  });

  test(`kafka_rdd, on ${master}`, async (t) => {
    const data = { a: 1, b: 2 };
    const { values } = await runTest("kafka_rdd", await topicOf(t, data), { master });
    assert.deepEqual(countsOf(values), data);
  });

  test(`kafka_rdd_with_leaders: leaders are found here, nobody names them, on ${master}`, async (t) => {
    const data = { a: 1, b: 2, c: 3 };
    const { values } = await runTest("kafka_rdd", await topicOf(t, data), { master });
    assert.deepEqual(countsOf(values), data);
  });

  test(`kafka_rdd_get_offsetRanges: they are the ranges that were given, after a map too, on ${master}`, async (t) => {
    const sent = await topicOf(t, { a: 3, b: 4, c: 5 });
    const { ranges } = await runTest("kafka_rdd", sent, { master });
    assert.deepEqual(ranges, [[{ topic: sent.topic, partition: 0, fromOffset: 0, untilOffset: 12 }]]);
  });

  test(`kafka_rdd_message_handler, on ${master}`, async (t) => {
    const { values } = await runTest("kafka_rdd_message_handler", await topicOf(t, { a: 1, b: 1, c: 2 }), { master });
    assert.deepEqual(countsOf(values), { aa: 1, bb: 1, cc: 2 });
  });

  test(`kafka_direct_stream_foreach_get_offsetRanges, on ${master}`, async (t) => {
    const sent = await topicOf(t, { a: 1, b: 2, c: 3 });
    const { ranges } = await runTest("kafka_direct_stream_foreach_get_offsetRanges", sent, { master });
    assert.deepEqual(ranges, [toSix(sent.topic)]);
  });

  test(`kafka_direct_stream_transform_get_offsetRanges: also between other operations, on ${master}`, async (t) => {
    const sent = await topicOf(t, { a: 1, b: 2, c: 3 });
    const { ranges, values } = await runTest("kafka_direct_stream_transform_get_offsetRanges", sent, { master });
    assert.deepEqual(ranges[0], toSix(sent.topic));
    assert.deepEqual(values, [6]);
  });

  test(`kafka_direct_stream_transform_with_checkpoint: a transform that looks at its ranges is recovered, on ${master}`, async (t) => {
    const sent = await topicOf(t, { a: 1, b: 2, c: 3 });
    const checkpointDirectory = temporaryFolder(t);
    const name = "kafka_direct_stream_transform_get_offsetRanges";
    const first = await runTest(name, sent, { master, checkpointDirectory });
    assert.deepEqual(first.ranges[0], toSix(sent.topic));
    await produce(sent.topic, [{ value: "d" }]);
    const second = await runTest(name, sent, { master, checkpointDirectory });
    assert.deepEqual(second.ranges[0], [{ topic: sent.topic, partition: 0, fromOffset: 6, untilOffset: 7 }]);
    assert.deepEqual(second.values, [1]);
  });
}

test("topic_and_partition_equality: plain values, equal by deepEqual; ranges by OffsetRange.equals", () => {
  const foo = { topic: "foo", partition: 0 };
  assert.deepEqual(foo, { topic: "foo", partition: 0 });
  assert.notDeepEqual(foo, { topic: "bar", partition: 0 });
  assert.notDeepEqual(foo, { topic: "foo", partition: 1 });
  const range = { ...foo, fromOffset: 0, untilOffset: 6 };
  assert.ok(OffsetRange.equals(range, { ...range }));
  assert.ok(!OffsetRange.equals(range, { ...range, topic: "bar" }));
  assert.ok(!OffsetRange.equals(range, { ...range, partition: 1 }));
});
