/** When batches are due. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type BatchInfo, defineJob, KafkaUtils, runJob } from "millrace";
import { systemClock } from "../../src/model/clock.ts";
import { MemoryDisk } from "../checkpoint/memory-store.ts";
import { bootstrapServers, createTopic } from "../helpers/kafka.ts";
import { ManualClock } from "../helpers/manual-clock.ts";
import { assertNothingLeft } from "../helpers/open-resources.ts";

/** A job of one batch a second whose function is the test's. */
const everySecond = (onBatch: (time: number) => void | Promise<void> = () => {}) =>
  defineJob({ appName: "every-second", batchInterval: "1s", master: "local" }, (ssc) => {
    ssc.queueStream([[1]]).foreachRDD(async (_rdd, time) => onBatch(time));
  });

test("batches come at multiples of the interval, the first at the next one", async (t) => {
  assertNothingLeft(t);
  const clock = new ManualClock(10_300);
  const times: number[] = [];
  await using running = await runJob(
    everySecond((time) => void times.push(time)),
    { clock },
  );
  assert.equal(await clock.untilAsleep(), 11_000);
  assert.deepEqual(times, [], "nothing runs before its time");
  for (let i = 0; i < 3; i++) await clock.wakeNext();
  await clock.untilAsleep();
  assert.deepEqual(times, [11_000, 12_000, 13_000]);
  assert.equal(running.getState(), "ACTIVE");
});

test("a start on a multiple waits for the next one", async (t) => {
  assertNothingLeft(t);
  const clock = new ManualClock(10_000);
  await using _ = await runJob(everySecond(), { clock });
  assert.equal(await clock.untilAsleep(), 11_000);
});

test("ticks that pass while a batch runs are missed; the next batch takes the latest of them and starts at once", async (t) => {
  assertNothingLeft(t);
  const clock = new ManualClock(10_000);
  const times: number[] = [];
  const infos: BatchInfo[] = [];
  await using running = await runJob(
    everySecond((time) => {
      times.push(time);
      if (time === 11_000) clock.set(14_700);
    }),
    { clock },
  );
  running.addStreamingListener({ onBatchCompleted: (info) => infos.push(info) });
  await clock.wakeNext();
  assert.equal(await clock.untilAsleep(), 15_000);
  assert.deepEqual(times, [11_000, 14_000]);
  assert.deepEqual(
    infos.map(({ missedTicks, schedulingDelay, processingDelay, totalDelay }) => [
      missedTicks,
      schedulingDelay,
      processingDelay,
      totalDelay,
    ]),
    [
      [0, 0, 3_700, 3_700],
      [2, 700, 0, 700],
    ],
  );
});

test("the log and the progress tell how many ticks were missed, also of the time in which no driver was there", async (t) => {
  assertNothingLeft(t);
  const topic = await createTopic(t);
  const clock = new ManualClock(10_000);
  const disk = new MemoryDisk();
  const told: (readonly [time: number, missed: number])[] = [];
  const logged: unknown[] = [];
  const nothing = () => {};
  const logger = {
    debug: nothing,
    warn: nothing,
    error: nothing,
    info: (fields: { missedTicks?: number }, message?: string) => {
      if (message?.includes("completed")) logged.push([message.split(" completed")[0], fields.missedTicks]);
    },
  };
  const job = defineJob({ appName: "missed", batchInterval: "1s", master: "local" }, (ssc) => {
    ssc.addStreamingListener({ onProgress: ({ batchTime, missedTicks }) => told.push([batchTime, missedTicks]) });
    KafkaUtils.createDirectStream(ssc, [topic], { "bootstrap.servers": bootstrapServers() }).foreachRDD(() => {});
  });
  const start = () => runJob(job, { clock, logger, openStore: async () => disk.store() });
  const first = await start();
  await clock.wakeNext();
  await clock.untilAsleep();
  await first.stop();
  clock.set(16_500);
  const second = await start();
  assert.equal(await clock.wakeNext(), 17_000);
  await clock.untilAsleep();
  await second.stop();
  assert.deepEqual(told, [
    [11_000, 0],
    [16_000, 4],
    [17_000, 0],
  ]);
  assert.deepEqual(logged, [
    ["batch 1", undefined],
    ["batch 2, after 4 missed ticks,", 4],
    ["batch 3", undefined],
  ]);
});

test("a batch as long as the interval misses none", async (t) => {
  assertNothingLeft(t);
  const clock = new ManualClock(10_000);
  const times: number[] = [];
  await using _ = await runJob(
    everySecond((time) => {
      times.push(time);
      if (times.length < 4) clock.set(time + 1_000);
    }),
    { clock },
  );
  await clock.wakeNext();
  await clock.untilAsleep();
  assert.deepEqual(times, [11_000, 12_000, 13_000, 14_000]);
});

test("times rise, and batches go on, when the clock is set back an hour", async (t) => {
  assertNothingLeft(t);
  const hour = 3_600_000;
  const clock = new ManualClock(2 * hour);
  const times: number[] = [];
  await using _ = await runJob(
    everySecond((time) => {
      times.push(time - 2 * hour);
      if (times.length === 2) clock.set(hour + 2_100);
    }),
    { clock },
  );
  await clock.wakeNext();
  await clock.wakeNext();
  assert.equal(await clock.wakeNext(), hour + 3_000, "the next tick of the clock as it is now");
  assert.equal(await clock.wakeNext(), hour + 4_000);
  await clock.untilAsleep();
  assert.deepEqual(times, [1_000, 2_000, 3_000, 4_000]);
});

test("a clock that is set back a little makes the next batch wait, not run early", async (t) => {
  assertNothingLeft(t);
  const clock = new ManualClock(10_000);
  const times: number[] = [];
  await using _ = await runJob(
    everySecond((time) => {
      times.push(time);
      if (times.length === 1) clock.set(10_900);
    }),
    { clock },
  );
  await clock.wakeNext();
  assert.equal(await clock.wakeNext(), 12_000);
  await clock.untilAsleep();
  assert.deepEqual(times, [11_000, 12_000]);
});

test("availableNow does not wait, and its times rise also within one millisecond", async (t) => {
  assertNothingLeft(t);
  const times: number[] = [];
  const job = defineJob({ appName: "now", batchInterval: "1h", master: "local", trigger: "availableNow" }, (ssc) => {
    ssc.queueStream([[1], [2], [3]]).foreachRDD((_rdd, time) => void times.push(time));
  });
  const running = await runJob(job, { clock: new ManualClock(500) });
  await running.awaitTermination();
  assert.deepEqual(times, [500, 501, 502]);
});

test("awaitTerminationOrTimeout says whether the stream has ended", async (t) => {
  assertNothingLeft(t);
  const clock = new ManualClock(10_000);
  const running = await runJob(everySecond(), { clock });
  await clock.untilAsleep();
  const waited = running.awaitTerminationOrTimeout("300ms");
  assert.equal(await clock.wakeNext(), 10_300);
  assert.equal(await waited, false);
  const ended = running.awaitTerminationOrTimeout("300ms");
  await running.stop();
  assert.equal(await ended, true);
  assert.equal(await running.awaitTerminationOrTimeout(0), true);
});

test("the clock of the system sleeps no longer than it would have when it is set back meanwhile", async (t) => {
  assertNothingLeft(t);
  const start = Date.now();
  let calls = 0;
  t.mock.method(Date, "now", () => (++calls === 1 ? start : start - 3_600_000));
  await systemClock.sleepUntil(start + 20, new AbortController().signal);
  assert.ok(calls < 5);
});

test("the clock of the system sleeps until its time, and ends at once when it is told to", async (t) => {
  assertNothingLeft(t);
  const before = Date.now();
  await systemClock.sleepUntil(before + 20, new AbortController().signal);
  assert(Date.now() >= before + 20);
  await systemClock.sleepUntil(before, new AbortController().signal);
  const controller = new AbortController();
  const sleeping = systemClock.sleepUntil(before + 3_600_000, controller.signal);
  controller.abort();
  await assert.rejects(sleeping, { name: "AbortError" });
});
