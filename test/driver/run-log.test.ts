/** The lines of the log, as a person reads them: `message` alone. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { type BatchInfo, defineJob, KafkaUtils, type Logger, MillraceError, type RunOptions, runJob } from "millrace";
import { RunLog } from "../../src/driver/run-log.ts";
import { MemoryDisk } from "../checkpoint/memory-store.ts";
import { bootstrapServers, createTopic } from "../helpers/kafka.ts";
import { produce } from "../helpers/produce.ts";

function recorder(): { lines: string[]; logger: Logger } {
  const lines: string[] = [];
  const to =
    (level: string) =>
    (_fields: object, message = "") =>
      void lines.push(`${level}: ${message}`);
  return { lines, logger: { debug: () => {}, info: to("info"), warn: to("warn"), error: to("error") } };
}

const limits = {
  batchIntervalMs: 1_000,
  trigger: "interval",
  taskMaxFailures: 4,
  threads: 2,
  checkpointDirectory: "there",
} as const;

const batch = (more: Partial<BatchInfo>): BatchInfo => ({
  seq: 7,
  batchTime: 60_000,
  missedTicks: 0,
  inputs: [],
  submissionTime: 60_000,
  processingStartTime: 60_000,
  processingEndTime: 60_020,
  schedulingDelay: 0,
  processingDelay: 20,
  totalDelay: 20,
  outputs: [],
  failure: undefined,
  ...more,
});

const input = (records: number, lag: number): BatchInfo["inputs"][number] => ({
  name: "views",
  records,
  lag,
  offsetRanges: [],
  partitions: [],
  skipped: 0,
});

test("a batch that takes longer than its interval is a warning that says so, and what waits", () => {
  const { lines, logger } = recorder();
  const log = new RunLog(logger, limits);
  log.onBatchCompleted(batch({ inputs: [input(1_200, 0)] }));
  log.onBatchCompleted(batch({ seq: 8, inputs: [input(70_000, 5_000)], processingDelay: 5_230 }));
  assert.deepEqual(lines, [
    "info: batch 7 completed: 1,200 records in 20 ms",
    "warn: batch 8 completed: 70,000 records (5,000 more are waiting) in 5.2 s, more than the interval of 1 s, so the next batch comes late",
  ]);
});

test("of batches without records, one after the other, the log tells one a minute, and how many it passed over", () => {
  const { lines, logger } = recorder();
  const log = new RunLog(logger, limits);
  const complete = (seq: number, records = 0, more: Partial<BatchInfo> = {}) =>
    log.onBatchCompleted(batch({ seq, batchTime: seq * 1_000, inputs: [input(records, 0)], ...more }));
  complete(1, 5);
  for (let seq = 2; seq <= 65; seq++) complete(seq);
  complete(66, 3);
  complete(67);
  complete(68);
  complete(69, 0, { missedTicks: 2 });
  complete(70, 0, { processingDelay: 2_000 });
  assert.deepEqual(lines, [
    "info: batch 1 completed: 5 records in 20 ms",
    "info: batch 2 completed: 0 records in 20 ms",
    "info: batch 62 completed: 0 records in 20 ms; the 59 batches before it had none",
    "info: batch 66 completed: 3 records in 20 ms; the 3 batches before it had none",
    "info: batch 67 completed: 0 records in 20 ms",
    "info: batch 69, after 2 missed ticks, completed: 0 records in 20 ms; the batch before it had none",
    "warn: batch 70 completed: 0 records in 2 s, more than the interval of 1 s, so the next batch comes late",
  ]);
});

test("a batch that does not end is told of, less and less often, with the outputs under way", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { lines, logger } = recorder();
  const log = new RunLog(logger, limits);
  log.onBatchStarted(batch({}));
  const output = { seq: 7, batchTime: 60_000, id: 0, startTime: 0, endTime: undefined, duration: undefined };
  log.onOutputOperationStarted({ ...output, name: "totals", failure: undefined });
  t.mock.timers.tick(9_999);
  assert.deepEqual(lines, []);
  t.mock.timers.tick(1);
  t.mock.timers.tick(10_000);
  t.mock.timers.tick(19_999);
  assert.deepEqual(lines, [
    "warn: batch 7 is still at work after 10 s: totals",
    "warn: batch 7 is still at work after 20 s: totals",
  ]);
  log.onBatchCompleted(batch({ processingDelay: 39_999 }));
  t.mock.timers.tick(1_000_000);
  assert.equal(lines.length, 3);
});

test("a stop says what it waits for, and a stop by force what becomes of it", () => {
  const { lines, logger } = recorder();
  const log = new RunLog(logger, limits);
  log.onBatchStarted(batch({}));
  log.stopping(30_000);
  log.stopping(30_000);
  log.stoppingByForce();
  log.onBatchCompleted(batch({ failure: new Error("stopped") }));
  log.ended(undefined);
  assert.deepEqual(lines, [
    "info: stopping: batch 7 is finished first, for at most 30 s",
    "warn: stopping at once: batch 7 does not count, and runs first at the next start",
    "error: batch 7 failed: stopped",
    "info: the stream has stopped",
  ]);
});

test("a batch that fails is one story: the error once, how often a task met it, and what becomes of the batch", () => {
  const { lines, logger } = recorder();
  const log = new RunLog(logger, limits);
  const errorOf = (reason: string) =>
    new MillraceError("TASK_FAILED", `save at job.ts:3:4 failed: ${reason}`, { hint: "Mend it." });
  const tryTask = (attempt: number, reason: string) => {
    const place = { batchTime: 60_000, partition: 2, attempt, executorId: 0 };
    log.onTaskFailed({ ...place, error: errorOf(reason), willRetry: attempt < 4 });
  };
  const failure = errorOf("no such account");
  const output = { name: "save at job.ts:3:4", duration: 5, failure };
  for (let run = 1; run <= 2; run++) {
    log.onBatchStarted(batch({}));
    tryTask(1, "no such account");
    tryTask(2, "no such account");
    tryTask(3, "no answer");
    tryTask(4, "no such account");
    log.onBatchCompleted(batch({ outputs: [output], failure }));
  }
  log.ended(failure);
  const story = [
    "warn: task 2 failed on executor 0, try 1 of 4, and is tried again: save at job.ts:3:4 failed: no such account",
    "warn: task 2 failed on executor 0, try 2 of 4, by the same error, and is tried again",
    "warn: task 2 failed on executor 0, try 3 of 4, and is tried again: save at job.ts:3:4 failed: no answer",
    "error: task 2 failed on executor 0, try 4 of 4, and is not tried again: save at job.ts:3:4 failed: no such account",
    "error: batch 7 failed: save at job.ts:3:4 failed: no such account",
  ];
  const end = "error: the stream failed with batch 7, which does not count, and runs first at the next start";
  assert.deepEqual(lines, [...story, ...story, end]);
});

/** Counts a topic, in one batch, unless its output throws. */
function counting(t: TestContext, topic: string, disk: MemoryDisk) {
  return async (fails: boolean) => {
    const { lines, logger } = recorder();
    const job = defineJob({ appName: "counting", batchInterval: "1s", master: "local" }, (ssc) => {
      const params = { "bootstrap.servers": bootstrapServers(), "auto.offset.reset": "earliest" } as const;
      KafkaUtils.createDirectStream(ssc, [topic], params)
        .map(({ value }) => [value ?? "", 1] as const)
        .mapWithState((_, n) => n, { name: "seen" })
        .foreachRDD(
          () => {
            if (fails) throw new Error("no luck");
          },
          { name: "counts" },
        );
    });
    const openStore = async () => disk.store();
    const options: RunOptions<unknown> = { trigger: "availableNow", logger, openStore };
    const running = await runJob(job, options);
    t.after(() => running.stop().catch(() => {}));
    await running.awaitTermination().catch(() => {});
    return lines.map((line) => line.replaceAll(/in \d+ ms/g, "in ? ms").replace(/\d{4}-\d\d-\S+Z/, "TIME"));
  };
}

test("a restart says what it found: the last batch, the states, the batch that is pending, and where streams begin", async (t) => {
  const topic = await createTopic(t, { partitions: 1 });
  await produce(topic, [{ value: "a" }, { value: "b" }]);
  const run = counting(t, topic, new MemoryDisk());
  const first = await run(true);
  assert.deepEqual(first.slice(1, 3), [
    "info: checkpoint: no batch is complete yet; now epoch 1",
    `info: stream ${topic} reads ${topic}-0 from offset 0`,
  ]);
  assert.equal(first.at(-1), "error: the stream failed with batch 1, which does not count");
  const second = await run(false);
  assert.deepEqual(second.slice(1, 4), [
    "info: checkpoint: no batch is complete yet; now epoch 2",
    `info: batch 1 was planned and did not complete: it runs first, as it was planned: ${topic}-0 [0 -> 2]`,
    `info: stream ${topic} reads ${topic}-0 from offset 0`,
  ]);
  assert.deepEqual(second.slice(-2), [
    "info: batch 1 completed: 2 records in ? ms",
    "info: the stream has stopped after batch 1",
  ]);
  const [, third] = await run(false);
  assert.match(
    third ?? "",
    /^info: checkpoint: batch 1 of TIME is the last complete one, states: seen \(1 partition, \d+ bytes\); now epoch 3$/,
  );
});
