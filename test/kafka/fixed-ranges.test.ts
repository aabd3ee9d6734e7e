import assert from "node:assert/strict";
import { test } from "node:test";
import { defineJob, KafkaUtils, type OffsetRange, runJob } from "millrace";
import { bootstrapServers, createTopic } from "../helpers/kafka.ts";
import { produceMany } from "../helpers/produce.ts";

test("createRDD reads exactly its ranges, and knows them before it reads", async (t) => {
  const topic = await createTopic(t, { partitions: 2 });
  await produceMany(topic, 20, (i) => `v${i}`, { partitions: 2 });
  const ranges: OffsetRange[] = [
    { topic, partition: 1, fromOffset: 2, untilOffset: 5 },
    { topic, partition: 0, fromOffset: 0, untilOffset: 1 },
  ];
  const seen: unknown[] = [];
  const job = defineJob({ appName: "ranges", batchInterval: "1s", master: "local" }, (ssc) => {
    const rdd = KafkaUtils.createRDD(ssc, { "bootstrap.servers": bootstrapServers() }, ranges);
    const places = rdd.map(({ partition, offset }) => ({ partition, offset }));
    ssc.onDriver(async () => void seen.push(rdd.offsetRanges(), await places.collect()));
  });
  await (await runJob(job)).awaitTermination();
  assert.deepEqual(seen, [
    ranges,
    [
      { partition: 1, offset: 2 },
      { partition: 1, offset: 3 },
      { partition: 1, offset: 4 },
      { partition: 0, offset: 0 },
    ],
  ]);
});

test("ranges may be empty, leave gaps and overlap: each is a partition, read for itself, also in parts", async (t) => {
  const topic = await createTopic(t);
  await produceMany(topic, 10, (i) => `v${i}`);
  const range = (fromOffset: number, untilOffset: number): OffsetRange => ({
    topic,
    partition: 0,
    fromOffset,
    untilOffset,
  });
  const ranges = [range(4, 7), range(0, 0), range(6, 8), range(9, 10), range(4, 7)];
  const seen: { [what: string]: unknown } = {};
  const job = defineJob({ appName: "ranges", batchInterval: "1s", master: "local" }, (ssc) => {
    const kafka = { "bootstrap.servers": bootstrapServers() };
    const rdd = KafkaUtils.createRDD(ssc, kafka, ranges);
    const offsets = rdd.map(({ offset }) => offset).glom();
    const none = KafkaUtils.createRDD(ssc, kafka, []);
    const split = KafkaUtils.createRDD(ssc, kafka, [range(0, 10)], { minPartitions: 3 }).map(({ offset }) => offset);
    ssc.onDriver(async () => {
      seen.partitions = await offsets.collect();
      seen.told = offsets.offsetRanges();
      seen.taken = (await rdd.take(4)).map(({ offset }) => offset);
      seen.count = await rdd.count();
      seen.none = [await none.count(), await none.isEmpty(), await none.collect(), none.getNumPartitions()];
      seen.split = await split.collect();
      seen.parts = split.getNumPartitions();
    });
  });
  await (await runJob(job)).awaitTermination();
  assert.deepEqual(seen, {
    partitions: [[4, 5, 6], [], [6, 7], [9], [4, 5, 6]],
    told: ranges,
    taken: [4, 5, 6, 6],
    count: 9,
    none: [0, true, [], 0],
    split: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
    parts: 3,
  });
});

test("a range past the end is refused before anything is read, with what the broker has", async (t) => {
  const topic = await createTopic(t);
  await produceMany(topic, 3, (i) => `v${i}`);
  const job = defineJob({ appName: "ranges", batchInterval: "1s", master: "local" }, (ssc) => {
    const ranges = [{ topic, partition: 0, fromOffset: 0, untilOffset: 9 }];
    const rdd = KafkaUtils.createRDD(ssc, { "bootstrap.servers": bootstrapServers() }, ranges);
    ssc.onDriver(async () => void (await rdd.count()));
  });
  const running = await runJob(job);
  await assert.rejects(running.awaitTermination(), { code: "OFFSETS_LOST", hint: /offsets 0 to 3/ });
});
