/** What onProgress and the command line tell of each batch. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { defineJob, KafkaUtils, runJob, type StreamProgress } from "millrace";
import { bootstrapServers, createTopic } from "../helpers/kafka.ts";
import { ManualClock } from "../helpers/manual-clock.ts";
import { assertNothingLeft } from "../helpers/open-resources.ts";
import { produceMany } from "../helpers/produce.ts";

test("a batch in numbers: its steps, its rates, and where each partition went", async (t) => {
  assertNothingLeft(t);
  const topic = await createTopic(t, { partitions: 2 });
  await produceMany(topic, 50, (i) => `v${i}`, { partitions: 2 });
  const clock = new ManualClock(10_000);
  const told: StreamProgress[] = [];
  const job = defineJob({ appName: "told", batchInterval: "1s", master: "local" }, (ssc) => {
    ssc.addStreamingListener({ onProgress: (progress) => told.push(progress) });
    const params = { "bootstrap.servers": bootstrapServers(), "auto.offset.reset": "earliest" } as const;
    // Three ranges for two partitions.
    KafkaUtils.createDirectStream(ssc, [topic], params, { name: "in", minPartitions: 3 }).foreachRDD(() =>
      clock.set(clock.now() + 80),
    );
  });
  const running = await runJob(job, {
    clock,
    maxRatePerPartition: 10,
    backpressure: { initialRate: 500 },
    listeners: [{ onBatchSubmitted: ({ batchTime }) => clock.set(batchTime + 20) }],
  });
  await clock.wakeNext();
  await clock.wakeNext();
  await clock.untilAsleep();
  await running.stop();
  const batch = (seq: number, inputRate: number | null, nextRate: number): StreamProgress => ({
    appName: "told",
    seq,
    epoch: 1,
    batchTime: 10_000 + seq * 1000,
    missedTicks: 0,
    records: 20,
    lag: 50 - 20 * seq,
    inputRate,
    processedRate: 250,
    schedulingDelay: 20,
    durations: { planning: 0, planWrite: 0, processing: 80, commit: 0 },
    sources: [
      {
        name: "in",
        records: 20,
        lag: 50 - 20 * seq,
        nextRate,
        startOffsets: { [topic]: { 0: 10 * (seq - 1), 1: 10 * (seq - 1) } },
        endOffsets: { [topic]: { 0: 10 * seq, 1: 10 * seq } },
      },
    ],
  });
  assert.deepEqual(told, [batch(1, null, 500), batch(2, 20, 249)]);
  assert.deepEqual(JSON.parse(JSON.stringify(told)), told, "plain JSON");
});

test("a batch that fails is told by no progress", async (t) => {
  assertNothingLeft(t);
  const told: StreamProgress[] = [];
  const job = defineJob({ appName: "told", batchInterval: 20, master: "local", trigger: "availableNow" }, (ssc) => {
    ssc.addStreamingListener({ onProgress: (progress) => told.push(progress) });
    ssc.queueStream([[1], [2]]).foreachRDD((_rdd, _time, { seq }) => {
      if (seq === 2) throw new Error("boom");
    });
  });
  await assert.rejects((await runJob(job)).awaitTermination(), { code: "OUTPUT_FAILED" });
  assert.deepEqual(
    told.map(({ seq, sources }) => [seq, sources[0]!.nextRate, sources[0]!.startOffsets]),
    [[1, null, {}]],
  );
});

test("--progress-json writes a line of JSON to stdout for each batch", async () => {
  const main = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
  const job = fileURLToPath(new URL("../fixtures/jobs/three-batches.ts", import.meta.url));
  const args = ["--conditions=millrace-source", main, "run", job, "--executors", "0", "--progress-json"];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  const lines = stdout.trimEnd().split("\n");
  assert.deepEqual(
    lines.map((line) => (JSON.parse(line) as StreamProgress).records),
    [1, 2, 3],
  );
});
