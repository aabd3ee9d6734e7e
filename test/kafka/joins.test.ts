/** Direct streams and fixed ranges, joined. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { defineJob, json, KafkaUtils, type OffsetRange, runJob } from "millrace";
import { bootstrapServers, createTopic } from "../helpers/kafka.ts";
import { produceMany } from "../helpers/produce.ts";

const brokers = () => ({ "bootstrap.servers": bootstrapServers(), "auto.offset.reset": "earliest" }) as const;

test("two topics are joined; offsetRanges tells of both, after the join and after a sort of it", async (t) => {
  const left = await createTopic(t, { partitions: 2 });
  const right = await createTopic(t, { partitions: 3 });
  await produceMany(left, 40, (i) => JSON.stringify(i), { partitions: 2 });
  await produceMany(right, 60, (i) => JSON.stringify(i), { partitions: 3 });
  const joined: number[][] = [];
  const ranges: OffsetRange[][] = [];
  const job = defineJob({ appName: "joined", batchInterval: "1s", master: "local", trigger: "availableNow" }, (ssc) => {
    const stream = (topic: string) =>
      KafkaUtils.createDirectStream(ssc, [topic], brokers(), { valueDecoder: json<number>() }).map(({ value }) => [
        value * 2,
        value,
      ]);
    const byTriple = stream(right).map(([, value]) => [value * 3, value]);
    const both = stream(left).join(byTriple);
    both.foreachRDD(async (rdd) => {
      ranges.push([...rdd.offsetRanges()]);
      joined.push(...(await rdd.collect()).map(([, values]) => values));
      assert.equal(rdd.getNumPartitions(), 3);
    });
    both
      .transform((rdd) => rdd.sortByKey())
      .foreachRDD((rdd) => {
        ranges.push([...rdd.offsetRanges()]);
      });
  });
  await (await runJob(job)).awaitTermination();
  // 2a = 3b, a below 40 and b below 60.
  const expected = Array.from({ length: 14 }, (_, i) => [i * 3, i * 2]);
  assert.deepEqual(
    joined.toSorted(([a], [b]) => a! - b!),
    expected,
  );
  const whole = [
    ...[0, 1].map((partition) => ({ topic: left, partition, fromOffset: 0, untilOffset: 20 })),
    ...[0, 1, 2].map((partition) => ({ topic: right, partition, fromOffset: 0, untilOffset: 20 })),
  ];
  assert.deepEqual(ranges, [whole, whole]);
});

test("a stream is joined with fixed ranges of another topic inside transform", async (t) => {
  const stream = await createTopic(t);
  const fixed = await createTopic(t, { partitions: 2 });
  await produceMany(stream, 10, (i) => JSON.stringify(i));
  await produceMany(fixed, 6, (i) => JSON.stringify(i), { partitions: 2 });
  const joined: [number, [string, number | undefined]][] = [];
  const job = defineJob({ appName: "joined", batchInterval: "1s", master: "local", trigger: "availableNow" }, (ssc) => {
    const ranges = [0, 1].map((partition) => ({ topic: fixed, partition, fromOffset: 1, untilOffset: 3 }));
    const known = KafkaUtils.createRDD(ssc, brokers(), ranges, { valueDecoder: json<number>() }).map(({ value }) => [
      value,
      value * 100,
    ]);
    KafkaUtils.createDirectStream(ssc, [stream], brokers(), { valueDecoder: json<number>() })
      .map(({ value, offset }) => [value, `offset ${offset}`])
      .transform((rdd) => rdd.leftOuterJoin(known).sortByKey())
      .foreachRDD(async (rdd) => void joined.push(...(await rdd.collect())));
  });
  await (await runJob(job)).awaitTermination();
  assert.deepEqual(
    joined,
    Array.from({ length: 10 }, (_, i) => [i, [`offset ${i}`, i >= 2 && i < 6 ? i * 100 : undefined]]),
  );
});
