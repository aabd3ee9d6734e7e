/** What listeners are told, and when. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import {
  type BatchInfo,
  defineJob,
  type JobContext,
  KafkaUtils,
  type Logger,
  type MillraceError,
  type OutputOperationInfo,
  type RunOptions,
  runJob,
  type StreamingListener,
} from "millrace";
import { files } from "millrace/sinks";
import { MemoryDisk } from "../checkpoint/memory-store.ts";
import { bootstrapServers, createTopic } from "../helpers/kafka.ts";
import { ManualClock } from "../helpers/manual-clock.ts";
import { assertNothingLeft } from "../helpers/open-resources.ts";

function start(build: (ssc: JobContext) => void, options: RunOptions<{}> = {}) {
  const job = defineJob({ appName: "told", batchInterval: 20, master: "local", trigger: "availableNow" }, build);
  return runJob(job, options);
}

function recorder() {
  const events: [string, unknown][] = [];
  const note = (name: string) => (event: unknown) => void events.push([name, event]);
  const listener: StreamingListener = {
    onStreamingStarted: note("started"),
    onBatchSubmitted: note("submitted"),
    onBatchStarted: note("batch started"),
    onBatchCompleted: note("completed"),
    onTaskFailed: note("task failed"),
    onExecutorLost: note("executor lost"),
  };
  return { events, listener, names: () => events.map(([name]) => name) };
}

const boom = () => {
  throw new Error("boom");
};

test("events come in the order of a batch's life", async (t) => {
  assertNothingLeft(t);
  const { listener, names } = recorder();
  const running = await start((ssc) => {
    ssc.addStreamingListener(listener);
    ssc.queueStream([[1], [2]]).foreachRDD(() => {});
  });
  await running.awaitTermination();
  const batch = ["submitted", "batch started", "completed"];
  assert.deepEqual(names(), ["started", ...batch, ...batch]);
});

test("a batch tells its key, its inputs, its times and its outputs", async (t) => {
  assertNothingLeft(t);
  const clock = new ManualClock(10_500);
  const { events, listener } = recorder();
  const running = await start(
    (ssc) => {
      ssc.addStreamingListener(listener);
      const stream = ssc.queueStream([[1, 2, 3], [4]], { numPartitions: 2 });
      stream.foreachRDD(() => clock.set(clock.now() + 15), { name: "slow" });
      stream.foreachPartition(() => {}, { name: "parallel" });
    },
    { clock, trigger: "interval" },
  );
  await clock.wakeNext();
  await clock.untilAsleep();
  await running.stop();
  const infos = events.slice(1).map(([, info]) => info as BatchInfo);
  const time = 10_520;
  const input = { name: "queue-0", records: 3, lag: 1, offsetRanges: [], partitions: [], skipped: 0 };
  const pending = (name: string) => ({ name, duration: undefined, failure: undefined });
  assert.deepEqual(events[0], ["started", { time: 10_500 }]);
  const submitted: BatchInfo = {
    seq: 1,
    batchTime: time,
    missedTicks: 0,
    inputs: [input],
    submissionTime: time,
    processingStartTime: undefined,
    processingEndTime: undefined,
    schedulingDelay: undefined,
    processingDelay: undefined,
    totalDelay: undefined,
    outputs: [pending("slow"), pending("parallel")],
    failure: undefined,
  };
  const begun = { ...submitted, processingStartTime: time, schedulingDelay: 0 };
  const completed = {
    ...begun,
    processingEndTime: time + 15,
    processingDelay: 15,
    totalDelay: 15,
    outputs: [
      { name: "slow", duration: 15, failure: undefined },
      { name: "parallel", duration: 0, failure: undefined },
    ],
  };
  assert.deepEqual(infos.slice(0, 3), [submitted, begun, completed]);
});

test("a failed batch is completed with its failure, and what came after it has not run", async (t) => {
  assertNothingLeft(t);
  const { events, listener, names } = recorder();
  const running = await start((ssc) => {
    ssc.addStreamingListener(listener);
    const stream = ssc.queueStream([[1], [2]]);
    stream.foreachRDD(() => {}, { name: "good" });
    stream.foreachRDD(boom, { name: "bad" });
    stream.foreachRDD(() => {}, { name: "never" });
  });
  await assert.rejects(running.awaitTermination(), { code: "OUTPUT_FAILED" });
  assert.deepEqual(names(), ["started", "submitted", "batch started", "completed"]);
  const { outputs, failure } = events.at(-1)![1] as BatchInfo;
  assert.equal(failure, outputs[1]!.failure);
  assert.deepEqual(
    outputs.map(({ name, duration, failure }) => [name, typeof duration, failure?.code]),
    [
      ["good", "number", undefined],
      ["bad", "number", "OUTPUT_FAILED"],
      ["never", "undefined", undefined],
    ],
  );
});

test("each output operation tells when it starts and how it ends; those on executors run together", async (t) => {
  assertNothingLeft(t);
  const clock = new ManualClock(10_000);
  const told: [string, OutputOperationInfo][] = [];
  const running = await start(
    (ssc) => {
      ssc.addStreamingListener({
        onOutputOperationStarted: (info) => told.push(["started", info]),
        onOutputOperationCompleted: (info) => told.push(["completed", info]),
      });
      const stream = ssc.queueStream([[1]]);
      stream.foreachRDD(() => clock.set(clock.now() + 15), { name: "slow" });
      stream.foreachPartition(() => clock.set(clock.now() + 5), { name: "parallel" });
      stream.foreachPartition(() => {}, { name: "beside" });
      stream.foreachRDD(boom, { name: "bad" });
    },
    { clock },
  );
  await assert.rejects(running.awaitTermination());
  const operation = (id: number, name: string, startTime: number, endTime: number | undefined) => {
    const duration = endTime === undefined ? undefined : endTime - startTime;
    return { seq: 1, batchTime: 10_000, id, name, startTime, endTime, duration, failure: undefined };
  };
  const { failure } = told.at(-1)![1];
  assert.equal(failure?.code, "OUTPUT_FAILED");
  assert.deepEqual(told, [
    ["started", operation(1, "parallel", 10_000, undefined)],
    ["started", operation(2, "beside", 10_000, undefined)],
    ["completed", operation(1, "parallel", 10_000, 10_005)],
    ["completed", operation(2, "beside", 10_000, 10_005)],
    ["started", operation(0, "slow", 10_005, undefined)],
    ["completed", operation(0, "slow", 10_005, 10_020)],
    ["started", operation(3, "bad", 10_020, undefined)],
    ["completed", { ...operation(3, "bad", 10_020, 10_020), failure }],
  ]);
});

test("an output with a step on executors and one on the driver is told once, from the start of the first to the end of the second", async (t) => {
  assertNothingLeft(t);
  const directory = await mkdtemp(join(tmpdir(), "millrace-told-"));
  t.after(() => rm(directory, { recursive: true }));
  const told: string[] = [];
  const running = await start((ssc) => {
    ssc.addStreamingListener({
      onOutputOperationStarted: ({ name }) => told.push(`${name} started`),
      onOutputOperationCompleted: ({ name, failure }) =>
        told.push(`${name} ${failure === undefined ? "completed" : "failed"}`),
      onBatchCompleted: ({ failure }) => told.push(failure === undefined ? "batch completed" : "batch failed"),
    });
    const stream = ssc.queueStream([[1], [2]]);
    stream.foreachRDD(async (rdd) => void ((await rdd.first()) === 2 && boom()), { name: "checked" });
    stream.saveTo(files({ directory }), { name: "listed" });
  });
  await assert.rejects(running.awaitTermination(), { code: "OUTPUT_FAILED" });
  assert.deepEqual(told, [
    "listed started",
    "checked started",
    "checked completed",
    "listed completed",
    "batch completed",
    "listed started",
    "checked started",
    "checked failed",
    "listed failed",
    "batch failed",
  ]);
});

test("a batch whose completion cannot be written has that failure, though its outputs have none", async (t) => {
  assertNothingLeft(t);
  const topic = await createTopic(t);
  const disk = new MemoryDisk();
  const full = new Error("no space left");
  const { events, listener } = recorder();
  const running = await start(
    (ssc) => {
      ssc.addStreamingListener(listener);
      KafkaUtils.createDirectStream(ssc, [topic], { "bootstrap.servers": bootstrapServers() }).foreachRDD(() => {
        disk.before = (step) => {
          if (step === "append") throw full;
        };
      });
    },
    { openStore: async () => disk.store(), trigger: "interval" },
  );
  await assert.rejects(running.awaitTermination(), full);
  const { failure, outputs } = events.at(-1)![1] as BatchInfo;
  assert.deepEqual([failure, outputs[0]!.failure], [full, undefined]);
});

test("a failed task tells where it was and whether it is tried again", async (t) => {
  assertNothingLeft(t);
  const { events, listener } = recorder();
  const times: number[] = [];
  const running = await start(
    (ssc) => {
      ssc.addStreamingListener(listener);
      ssc
        .queueStream([[1, 2]], { numPartitions: 2 })
        .map((n) => (n === 2 ? boom() : n))
        .foreachRDD(async (rdd, time) => {
          times.push(time);
          await rdd.count();
        });
    },
    { taskMaxFailures: 2 },
  );
  await assert.rejects(running.awaitTermination(), { code: "TASK_FAILED" });
  const failures = events.filter(([name]) => name === "task failed").map(([, event]) => event);
  assert.deepEqual(
    failures.map((event) => {
      const { error, ...rest } = event as { error: MillraceError };
      return { ...rest, code: error.code };
    }),
    [1, 2].map((attempt) => ({
      batchTime: times[0],
      partition: 1,
      attempt,
      executorId: 0,
      willRetry: attempt === 1,
      code: "TASK_FAILED",
    })),
  );
});

test("a listener that throws hurts neither the stream nor the next listener", async (t) => {
  assertNothingLeft(t);
  const { listener, names } = recorder();
  const logged: [object, string | undefined][] = [];
  const quiet = () => {};
  const logger: Logger = {
    debug: quiet,
    info: quiet,
    warn: quiet,
    error: (...line) => void logged.push(line as never),
  };
  const throwing: StreamingListener = { onBatchStarted: boom, onBatchCompleted: boom };
  const running = await start(
    (ssc) => {
      ssc.addStreamingListener(throwing);
      ssc.addStreamingListener(listener);
      ssc.queueStream([[1]]).foreachRDD(() => {});
    },
    { logger },
  );
  await running.awaitTermination();
  assert.deepEqual(names(), ["started", "submitted", "batch started", "completed"]);
  assert.deepEqual(
    logged.map(([fields, message]) => [message, (fields as { callback: string }).callback]),
    [
      ["a streaming listener threw", "onBatchStarted"],
      ["a streaming listener threw", "onBatchCompleted"],
    ],
  );
});

test("nor does one whose promise rejects", async (t) => {
  assertNothingLeft(t);
  const logged: unknown[] = [];
  const quiet = () => {};
  const logger: Logger = { debug: quiet, info: quiet, warn: quiet, error: (fields) => void logged.push(fields) };
  const running = await start(
    (ssc) => {
      ssc.addStreamingListener({
        async onBatchStarted() {
          boom();
        },
      });
      ssc.queueStream([[1]]).foreachRDD(() => {});
    },
    { logger },
  );
  await running.awaitTermination();
  assert.deepEqual(
    logged.map((fields) => ({ ...(fields as object), err: (fields as { err: Error }).err.message })),
    [{ callback: "onBatchStarted", err: "boom" }],
  );
});

test("without a logger Node warns of a listener that throws", async (t) => {
  assertNothingLeft(t);
  const warned = new Promise<Error>((resolve) => process.once("warning", resolve));
  const running = await start((ssc) => {
    ssc.addStreamingListener({ onBatchStarted: boom });
    ssc.queueStream([[1]]).foreachRDD(() => {});
  });
  await running.awaitTermination();
  const { name, message } = await warned;
  assert.deepEqual([name, message], ["MillraceWarning", "A streaming listener threw in onBatchStarted: Error: boom"]);
});

test("a listener can be added while the stream runs, and taken away", async (t) => {
  assertNothingLeft(t);
  const [early, late] = [recorder(), recorder()];
  const clock = new ManualClock(10_000);
  const running = await start((ssc) => ssc.queueStream([[1]]).foreachRDD(() => {}), { clock, trigger: "interval" });
  const gone = running.addStreamingListener(early.listener);
  await clock.wakeNext();
  await clock.untilAsleep();
  gone[Symbol.dispose]();
  running.addStreamingListener(late.listener);
  await clock.wakeNext();
  await clock.untilAsleep();
  await running.stop();
  const batch = ["submitted", "batch started", "completed"];
  assert.deepEqual([early.names(), late.names()], [batch, batch]);
});

test("the log has a line for the start, each batch, each failure and the end", async (t) => {
  assertNothingLeft(t);
  const lines: string[] = [];
  const to = (level: string) => (_fields: object, message?: string) =>
    void lines.push(`${level}: ${message?.replaceAll(/:\d+:\d+/g, ":?:?").replace(/\d+ ms/, "? ms")}`);
  const logger: Logger = { debug: to("debug"), info: to("info"), warn: to("warn"), error: to("error") };
  const running = await start(
    (ssc) =>
      ssc
        .queueStream([[1], [2]])
        .map((n) => (n === 2 ? boom() : n))
        .foreachRDD(async (rdd) => void (await rdd.count())),
    { logger, taskMaxFailures: 2 },
  );
  await assert.rejects(running.awaitTermination(), { code: "TASK_FAILED" });
  assert.deepEqual(lines, [
    "info: starting told: in this process, until all that is there has been read, no checkpoint: a restart does not go on where this run ends",
    "info: the stream has started",
    "debug: batch 1 is planned: 1 record (1 more are waiting)",
    "info: batch 1 completed: 1 record (1 more are waiting) in ? ms",
    "debug: batch 2 is planned: 1 record",
    "warn: task 0 failed on executor 0, try 1 of 2, and is tried again: map at listeners.test.ts:?:? failed: boom (queue-0-0).",
    "error: task 0 failed on executor 0, try 2 of 2, by the same error, and is not tried again",
    "error: batch 2 failed in foreachRDD at listeners.test.ts:?:?: map at listeners.test.ts:?:? failed: boom (queue-0-0).",
    "error: the stream failed with batch 2, which does not count",
  ]);
});

test("a stop by force is no failure in the log", async (t) => {
  assertNothingLeft(t);
  const errors: (string | undefined)[] = [];
  const quiet = () => {};
  const logger: Logger = {
    debug: quiet,
    info: quiet,
    warn: quiet,
    error: (_fields, message) => void errors.push(message),
  };
  const running = await start((ssc) => ssc.onDriver(() => new Promise(() => {})), { logger });
  await running.stop({ graceful: false });
  assert.deepEqual(errors, []);
});
