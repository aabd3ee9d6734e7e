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
