/** testJob: what was sent, and where a job begins to read it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { KafkaUtils } from "millrace";
import { testJob } from "millrace/testing";
import { partitionOfKey } from "../../src/kafka/writing/murmur2.ts";
import { job, kafka, numbers, values } from "./jobs.ts";

test("a job reads from no consumer group and tells none", async () => {
  const grouped = job((ssc) =>
    KafkaUtils.createDirectStream(
      ssc,
      ["numbers"],
      { ...kafka, "group.id": "numbers" },
      { startFromGroup: true, commitToGroup: true },
    ).foreachRDD(() => {}, { name: "numbers" }),
  );
  await using run = await testJob(grouped, { topics: { numbers: { records: numbers(1) } } });
  assert.equal((await run.tick()).inputs[0]?.records, 1);
});

test("records from before the start are read as auto.offset.reset says, offsets start where the test says", async () => {
  const both = job((ssc) => {
    values(ssc).foreachRDD(() => {}, { name: "earliest" });
    KafkaUtils.createDirectStream(ssc, /^num/, { ...kafka, "auto.offset.reset": "latest" })
      .map(({ offset }) => offset)
      .foreachRDD(() => {}, { name: "latest" });
  });
  await using run = await testJob(both, {
    topics: { numbers: { records: numbers(1, 2) } },
    fromOffsets: { numbers: { 0: 1000 } },
  });
  run.send("numbers", numbers(3));
  const { inputs } = await run.tick();
  assert.deepEqual([run.output("earliest"), run.output("latest")], [[1, 2, 3], [1002]]);
  assert.deepEqual(inputs[0]?.offsetRanges, [{ topic: "numbers", partition: 0, fromOffset: 1000, untilOffset: 1003 }]);
});

test("fixed ranges, a rate limit, and partitions by key or in turn", async () => {
  const limited = job(
    (ssc) => {
      const range = { topic: "numbers", partition: 1, fromOffset: 1, untilOffset: 2 };
      const fixed = KafkaUtils.createRDD(ssc, kafka, [range]).map(({ value }) => Number(value));
      values(ssc)
        .transform((rdd) => rdd.union(fixed))
        .foreachRDD(() => {}, { name: "numbers" });
    },
    { maxRatePerPartition: 1 },
  );
  await using run = await testJob(limited, { topics: { numbers: { partitions: 2, records: numbers(0, 1, 2, 3) } } });
  const { inputs } = await run.tick();
  assert.deepEqual([run.output("numbers"), inputs[0]?.lag], [[0, 1, 3], 2]);
  const keyed = job((ssc) =>
    KafkaUtils.createDirectStream(ssc, ["numbers"], kafka)
      .map(({ key, partition }) => [key, partition])
      .foreachRDD(() => {}, { name: "places" }),
  );
  await using other = await testJob(keyed, { topics: { numbers: { partitions: 10 } } });
  const keys = ["ann", "bob", "cleo", "ann"];
  other.send(
    "numbers",
    keys.map((key) => ({ key, value: null })),
  );
  await other.tick();
  const places = Object.fromEntries(keys.map((key) => [key, partitionOfKey(Buffer.from(key), 10)]));
  assert.equal(other.output("places").length, 4);
  assert.deepEqual(Object.fromEntries(other.output<[string, number]>("places")), places);
});

test("many records of many times come as they were sent, large ones too", async () => {
  const lengths = job((ssc) =>
    KafkaUtils.createDirectStream(ssc, ["texts"], { ...kafka, "max.partition.fetch.bytes": 10_000 })
      .map(({ value, timestamp, offset }) => [offset, value?.length ?? null, timestamp])
      .foreachRDD(() => {}, { name: "texts" }),
  );
  await using run = await testJob(lengths, { topics: { texts: {} } });
  const records = Array.from({ length: 200 }, (_, i) => ({
    value: i % 7 === 0 ? null : "x".repeat((i * 997) % 30_000),
    timestamp: 1_700_000_000_000 + Math.floor(i / 3) * 86_400_000,
  }));
  run.send("texts", records);
  await run.tick();
  assert.deepEqual(
    run.output("texts"),
    records.map(({ value, timestamp }, i) => [i, value?.length ?? null, timestamp]),
  );
});
