/** A batch as soon as there is data. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type BatchInfo, defineJob, type EngineOptions, type KafkaParams, KafkaUtils, runJob } from "millrace";
import { bootstrapServers, createTopic, leaders, moveLeader, withThreeBrokers } from "../helpers/kafka.ts";
import { ManualClock } from "../helpers/manual-clock.ts";
import { assertNothingLeft } from "../helpers/open-resources.ts";
import { openTransactionalProducer, produce } from "../helpers/produce.ts";
import { waitUntil } from "../helpers/wait-until.ts";

/** A stream whose clock stands still: nothing in it happens because time has passed. */
async function start(topic: string, params: KafkaParams = {}, options: EngineOptions = {}) {
  const clock = new ManualClock(10_000);
  const kafkaParams = { "bootstrap.servers": bootstrapServers(), "auto.offset.reset": "earliest", ...params } as const;
  const read: (string | null)[] = [];
  const job = defineJob({ appName: "on-data", batchInterval: "1h", master: "local", trigger: "onData" }, (ssc) => {
    KafkaUtils.createDirectStream(ssc, [topic], kafkaParams)
      .map(({ value }) => value)
      .foreachRDD(async (rdd) => void read.push(...(await rdd.collect())));
  });
  const infos: BatchInfo[] = [];
  let tell = () => {};
  const running = await runJob(job, {
    ...options,
    clock,
    listeners: [
      {
        onBatchCompleted: (info) => {
          infos.push(info);
          tell();
        },
      },
    ],
  });
  /** Resolves when so many batches are completed. */
  const batches = async (count: number) => {
    while (infos.length < count) await new Promise<void>((resolve) => (tell = resolve));
  };
  return { running, read, infos, batches, clock };
}

test("each record makes a batch, no batch is empty, and times rise", async (t) => {
  assertNothingLeft(t);
  const topic = await createTopic(t, { partitions: 3 });
  const { running, read, infos, batches } = await start(topic);
  for (let i = 1; i <= 5; i++) {
    await produce(topic, [{ value: `v${i}`, partition: i % 3 }]);
    await batches(i);
  }
  await running.stop();
  assert.deepEqual(read, ["v1", "v2", "v3", "v4", "v5"]);
  assert.deepEqual(
    infos.map(({ seq, batchTime, inputs }) => [seq, batchTime, inputs[0]!.records]),
    [1, 2, 3, 4, 5].map((seq) => [seq, 9_999 + seq, 1]),
  );
});

test("a stop ends the wait at once, however long the broker would wait", async (t) => {
  assertNothingLeft(t);
  const topic = await createTopic(t);
  const { running, infos, clock } = await start(topic, { "fetch.max.wait.ms": 30_000 });
  assert.equal(
    await clock.untilAsleep(),
    10_000 + 3_600_000,
    "it looks again after an interval, whatever the broker says",
  );
  const before = performance.now();
  await running.stop();
  assert.ok(performance.now() - before < 5_000);
  assert.equal(infos.length, 0);
});

test("under read_committed the end of a transaction makes the batch", async (t) => {
  assertNothingLeft(t);
  const topic = await createTopic(t);
  const { running, read, infos, batches } = await start(topic, { "isolation.level": "read_committed" });
  await using producer = openTransactionalProducer(topic);
  const first = await producer.begin();
  await first.write([{ value: "yes" }]);
  assert.equal(infos.length, 0);
  await first.commit();
  await batches(1);
  const second = await producer.begin();
  await second.write([{ value: "no" }]);
  await second.abort();
  await batches(2);
  await running.stop();
  assert.deepEqual(read, ["yes"]);
  assert.deepEqual(
    infos.map(({ inputs }) => inputs[0]!.records),
    [2, 2],
    "a record and a marker",
  );
});

test("a leader that moves, or dies, is waited at where it is then", async (t) => {
  const kafka = await withThreeBrokers(t);
  const { bootstrap } = kafka;
  const topic = await createTopic(t, {
    bootstrap,
    assignments: [
      [1, 2],
      [3, 1],
    ],
  });
  const { running, read, batches } = await start(topic, { "bootstrap.servers": bootstrap });
  const write = (value: string) => produce(topic, [{ value, partition: 0 }], { bootstrap });
  await write("from 1");
  await batches(1);
  await moveLeader(kafka, topic, 0, 2);
  await write("from 2");
  await batches(2);
  await kafka.killBroker(2);
  await waitUntil("broker 1 leads", async () => (await leaders(topic, bootstrap))[0] === 1);
  await write("from 1 again");
  await batches(3);
  await running.stop();
  assert.deepEqual(read, ["from 1", "from 2", "from 1 again"]);
});

test("a queue gives its lists one after the other, and then none", async (t) => {
  assertNothingLeft(t);
  const clock = new ManualClock(500);
  const batches: number[][] = [];
  const job = defineJob({ appName: "queue", batchInterval: "1s", master: "local", trigger: "onData" }, (ssc) => {
    ssc.queueStream([[1], [], [2, 3]]).foreachRDD(async (rdd) => void batches.push(await rdd.collect()));
  });
  const running = await runJob(job, { clock });
  assert.equal(await clock.untilAsleep(), 1_500);
  assert.deepEqual(batches, [[1], [], [2, 3]]);
  await clock.wakeNext();
  await clock.untilAsleep();
  assert.equal(batches.length, 3, "and no empty batch");
  await running.stop();
});
