/** `continue` leaves out what functions, records and sinks did to a batch. What the engine itself did, or a driver that was replaced, ends the stream. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { type BatchRDD, defineJob, type JobContext, MillraceError, runJob } from "millrace";
import { kafka, sqlite } from "millrace/sinks";
import { BatchRun } from "../../src/driver/batch-run.ts";
import { endsTheDriver, mayBeLeftOut } from "../../src/driver/failed-batch.ts";
import { bootstrapServers, topicName } from "../helpers/kafka.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";

type Build = (ssc: JobContext) => void;

/** @returns the batches that were left out, when the stream did not fail. */
async function continuing(build: Build): Promise<number[]> {
  const left: number[] = [];
  const job = defineJob(
    {
      appName: "continuing",
      batchInterval: "20ms",
      master: "local",
      trigger: "availableNow",
      failedBatch: { retry: 1, backoff: "1ms", otherwise: "continue" },
    },
    build,
  );
  const running = await runJob(job, { listeners: [{ onBatchAbandoned: ({ seq }) => void left.push(seq) }] });
  await running.awaitTermination();
  return left;
}

/** A bug, as we would make one: from now on `method` throws what no code expects. @returns how often it was called */
function breakEngine(t: TestContext, method: "numPartitions" | "offsetRanges"): () => number {
  const mock = t.mock.method(BatchRun.prototype, method, () => {
    throw new TypeError("cannot read properties of undefined");
  });
  return () => mock.mock.callCount();
}

const INTERNAL = { code: "INTERNAL_ERROR", message: /millrace has a bug: cannot read properties of undefined/ };

test("a bug of ours in the output phase ends the stream at once, and leaves no batch out", async (t) => {
  const calls = breakEngine(t, "numPartitions");
  const sink = sqlite<number>({
    path: join(temporaryFolder(t), "db"),
    table: "n",
    row: (n) => ({ n }),
    setup: "create table if not exists n (n integer)",
  });
  await assert.rejects(
    continuing((ssc) => ssc.queueStream([[1], [2]]).saveTo(sink, { name: "n" })),
    INTERNAL,
  );
  assert.equal(calls(), 1, "it is not tried again");
});

test("a bug of ours below a function of the user is not taken for that function's, whatever it makes of it", async (t) => {
  breakEngine(t, "numPartitions");
  const counting = (f: (rdd: BatchRDD<number>) => Promise<unknown>) =>
    continuing((ssc) => ssc.queueStream([[1], [2]]).foreachRDD(async (rdd) => void (await f(rdd))));
  await assert.rejects(
    counting((rdd) => rdd.take(1)),
    INTERNAL,
  );
  const wrapping = counting(async (rdd) => {
    await rdd.take(1).catch((cause) => {
      throw new Error("could not take", { cause });
    });
  });
  await assert.rejects(wrapping, { code: "OUTPUT_FAILED", message: /could not take/ });
});

test("a user's function that reports a newer driver ends the stream, also by an error of its own", async () => {
  const fenced = new MillraceError("FENCED", "Epoch 7 was here.", { hint: "Stop." });
  const job: Build = (ssc) =>
    ssc.queueStream([[1], [2]]).foreachRDD(() => {
      throw new Error("my rows bear a newer epoch", { cause: fenced });
    });
  await assert.rejects(continuing(job), { code: "OUTPUT_FAILED", message: /newer epoch/ });
});

test("a sink whose topic is not there is left out like any sink that fails", async (t) => {
  const topic = topicName(t);
  const kafkaParams = { "bootstrap.servers": bootstrapServers() };
  const left = await continuing((ssc) => {
    ssc.queueStream([[1], [2]]).saveTo(kafka({ kafkaParams, topic, value: String }), { name: "out" });
  });
  assert.deepEqual(left, [1, 2]);
});

test("a source that cannot be reached says nothing about the batch, so that is not left out; a sink that cannot is a failed sink", () => {
  const unreachable = (operator?: string) =>
    new MillraceError("BROKER_UNREACHABLE", "No broker.", { hint: "Wait.", ...(operator && { at: { operator } }) });
  assert.equal(mayBeLeftOut(unreachable()), false);
  assert.equal(endsTheDriver(unreachable()), false, "it is tried again");
  assert.equal(mayBeLeftOut(unreachable("out")), true);
});
