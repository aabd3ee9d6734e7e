/** What of the user's fails while a batch is planned, before its plan is written: the failure policy holds there too. */
import assert from "node:assert/strict";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { type TestContext, test } from "node:test";
import {
  type BatchInfo,
  defineJob,
  type FailurePolicy,
  KafkaUtils,
  type Logger,
  MillraceError,
  runJob,
} from "millrace";
import { sqlite } from "millrace/sinks";
import { Checkpoint } from "../../src/checkpoint/checkpoint.ts";
import { MemoryDisk } from "../checkpoint/memory-store.ts";
import { bootstrapServers, createTopic } from "../helpers/kafka.ts";
import { produceMany } from "../helpers/produce.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";

/** Batches of three records into a database. Whether the sink is to be fenced, a transform must say how many partitions it leaves. */
async function transformingJob(t: TestContext, failedBatch: FailurePolicy, fails: (call: number) => boolean) {
  const topic = await createTopic(t, { partitions: 1 });
  await produceMany(topic, 9, (i) => `v${i}`);
  const path = join(temporaryFolder(t), "db");
  const disk = new MemoryDisk();
  const completed: BatchInfo[] = [];
  const abandoned: BatchInfo[] = [];
  const times = new Set<number>();
  let calls = 0;
  const job = defineJob(
    {
      appName: "transforming",
      batchInterval: "1s",
      master: "local",
      trigger: "availableNow",
      maxRatePerPartition: 3,
      failedBatch,
    },
    (ssc) => {
      KafkaUtils.createDirectStream(ssc, [topic], {
        "bootstrap.servers": bootstrapServers(),
        "auto.offset.reset": "earliest",
      })
        .transform((rdd, time) => {
          times.add(time);
          if (fails(++calls)) throw new Error("no plan");
          return rdd.map(({ value }) => value ?? "");
        })
        .saveTo(
          sqlite({
            path,
            table: "lines",
            row: (line) => ({ line }),
            setup: "create table if not exists lines (line text)",
          }),
          { name: "lines" },
        );
    },
  );
  return {
    topic,
    disk,
    completed,
    abandoned,
    times,
    async run() {
      const running = await runJob(job, {
        openStore: async () => disk.store(),
        listeners: [
          {
            onBatchCompleted: (info) => void completed.push(info),
            onBatchAbandoned: (info) => void abandoned.push(info),
          },
        ],
      });
      await running.awaitTermination();
    },
    lines(): unknown[] {
      const db = new DatabaseSync(path);
      const rows = db.prepare("select line from lines").all();
      db.close();
      return rows.map((row) => row.line);
    },
  };
}

const numbered = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => `v${from + i}`);

test("with retry a batch whose transform throws is planned again, for the same time and ranges", async (t) => {
  const { run, lines, completed, times } = await transformingJob(t, { retry: 2, backoff: "1ms" }, (call) => call <= 2);
  await run();
  assert.deepEqual(lines(), numbered(0, 9));
  assert.deepEqual(
    completed.map(({ seq, failure }) => [seq, failure?.message.replace(/ at .*:\d+/, "")]),
    [
      [1, "transform failed: no plan"],
      [1, "transform failed: no plan"],
      [1, undefined],
      [2, undefined],
      [3, undefined],
    ],
  );
  assert.equal(times.size, 3);
});

test("with continue a batch whose transform throws is left out durably, and the next ones are written", async (t) => {
  const { run, lines, disk, topic, abandoned } = await transformingJob(t, "continue", (call) => call === 1);
  await run();
  assert.deepEqual(lines(), numbered(3, 9));
  assert.deepEqual(
    abandoned.map(({ seq }) => seq),
    [1],
  );
  const { world } = await Checkpoint.open(disk.store(), "transforming");
  assert.equal(world.pending, null);
  const [left] = world.abandoned.last;
  assert.equal(left?.code, "TASK_FAILED");
  assert.deepEqual(
    left?.slices[topic]?.map(({ fromOffset, untilOffset }) => [fromOffset, untilOffset]),
    [[0, 3]],
  );
  await produceMany(topic, 3, (i) => `v${9 + i}`);
  await run();
  assert.deepEqual(lines(), numbered(3, 12), "a restart goes on after it");
});

test("by default a transform that throws ends the stream, and nothing is pending", async (t) => {
  const { run, lines, disk } = await transformingJob(t, "stop", (call) => call === 1);
  await assert.rejects(run(), { code: "TASK_FAILED", message: /transform at .* failed: no plan/ });
  assert.equal((await Checkpoint.open(disk.store(), "transforming")).world.pending, null);
  await run();
  assert.deepEqual(lines(), numbered(0, 9));
});

test("a broadcast that cannot be loaded again fails the batch it is for, and is tried again with it", async () => {
  let loads = 0;
  let now = 0;
  const seen: unknown[] = [];
  const clock = { now: () => ++now, sleepUntil: async () => {} };
  const job = (failedBatch: FailurePolicy) =>
    defineJob(
      { appName: "broadcasting", batchInterval: "20ms", master: "local", trigger: "availableNow", failedBatch },
      (ssc) => {
        const load = () => {
          if (++loads === 2) throw new Error("the list is away");
          return loads;
        };
        const list = ssc.broadcast(load, { refresh: "1ms" });
        ssc
          .queueStream([[1], [2]])
          .map((n) => [n, list.value])
          .foreachRDD(async (rdd) => void seen.push(...(await rdd.collect())));
      },
    );
  const run = async (failedBatch: FailurePolicy) => {
    [loads, seen.length] = [0, 0];
    await (await runJob(job(failedBatch), { clock })).awaitTermination();
    return seen.map((pair) => (pair as [number, number])[0]);
  };
  await assert.rejects(run("stop"), (error) => {
    assert(MillraceError.is(error, "OUTPUT_FAILED"));
    assert.match(error.message, /load function of .* the list is away/);
    assert.equal(typeof error.at.batchTime, "number");
    return true;
  });
  assert.deepEqual(await run({ retry: 1, backoff: "1ms" }), [1, 2]);
  assert.deepEqual(await run("continue"), [2]);
});

test("ranges that cannot be found are looked for again with retry, and are nothing that could be left out", async (t) => {
  const directory = join(temporaryFolder(t), "in");
  mkdirSync(directory);
  const seen: string[] = [];
  const warnings: string[] = [];
  const quiet = () => {};
  const logger: Logger = {
    debug: quiet,
    info: quiet,
    error: quiet,
    warn: (_, message) => {
      warnings.push(message ?? "");
      mkdirSync(directory, { recursive: true });
      writeFileSync(join(directory, "late"), "one\n");
    },
  };
  const run = async (failedBatch: FailurePolicy) => {
    const job = defineJob(
      { appName: "away", batchInterval: "20ms", master: "local", trigger: "availableNow", failedBatch },
      (ssc) => {
        ssc.textFileStream(directory).foreachRDD(async (rdd) => void seen.push(...(await rdd.collect())));
      },
    );
    const running = await runJob(job, {
      logger,
      listeners: [{ onStreamingStarted: () => rmSync(directory, { recursive: true }) }],
    });
    await running.awaitTermination();
  };
  await run({ retry: 1, backoff: "1ms", otherwise: "continue" });
  assert.equal(warnings.length, 1);
  assert.match(warnings[0]!, /textFileStream cannot look into .* It is tried again in 1 ms, retry 1 of 1$/);
  assert.deepEqual(seen, ["one"]);
  await assert.rejects(run("continue"), { code: "BAD_OPTION", message: /cannot look into/ });
});
