import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { defineJob, KafkaUtils, type MillraceError, runJob } from "millrace";
import { files, publishedBatches } from "millrace/sinks";
import { bootstrapServers, createTopic } from "../helpers/kafka.ts";
import { produceMany } from "../helpers/produce.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";
import { MemoryDisk } from "./memory-store.ts";

const jobOn = (topic: string, directory?: string) =>
  defineJob(
    { appName: "sweeping", batchInterval: "1s", master: "local", trigger: "availableNow", maxRatePerPartition: 1 },
    (ssc) => {
      const lines = KafkaUtils.createDirectStream(ssc, [topic], {
        "bootstrap.servers": bootstrapServers(),
        "auto.offset.reset": "earliest",
      }).map(({ value }) => value);
      if (directory === undefined) lines.foreachRDD(async (rdd) => void (await rdd.count()));
      else lines.saveTo(files({ directory }), { name: "lines" });
    },
  );

test("old segments that cannot be deleted fail no batch, are told, and are deleted some batches later", async (t) => {
  const topic = await createTopic(t, { partitions: 1 });
  const checkpointDirectory = join(temporaryFolder(t), "checkpoint");
  const told: MillraceError[] = [];
  const events: unknown[] = [];
  const old = join(checkpointDirectory, "epoch-0000000002.log");
  const run = async () => {
    const running = await runJob(jobOn(topic), {
      checkpointDirectory,
      listeners: [
        {
          onBatchCompleted: ({ seq, failure }) => void events.push(failure ?? seq),
          onSweepFailed({ error }) {
            told.push(error);
            rmSync(old, { recursive: true });
            writeFileSync(old, "");
          },
        },
      ],
    });
    await running.awaitTermination();
  };
  for (let start = 0; start < 3; start++) await run();
  // Not a file: removing files does not remove it.
  rmSync(old);
  mkdirSync(old);
  await produceMany(topic, 11, (i) => `v${i}`);
  await run();
  assert.deepEqual(events, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
  assert.deepEqual(
    told.map(({ code }) => code),
    ["CHECKPOINT_UNUSABLE"],
  );
  assert.deepEqual(readdirSync(checkpointDirectory).sort(), ["epoch-0000000003.log", "epoch-0000000004.log"]);
});

test("unfinished files of a sink that cannot be removed hold up nothing, and are removed by the next start", async (t) => {
  const topic = await createTopic(t, { partitions: 1 });
  const directory = join(temporaryFolder(t), "out");
  const disk = new MemoryDisk();
  const run = async () => {
    const running = await runJob(jobOn(topic, directory), { openStore: async () => disk.store() });
    await running.awaitTermination();
  };
  const published = async () => {
    const paths: string[] = [];
    for await (const { files } of publishedBatches(directory)) paths.push(...files.map(({ path }) => path));
    return paths;
  };
  await produceMany(topic, 1, (i) => `v${i}`);
  await run();
  // Not a file: removing files does not remove it.
  const stubborn = join((await published())[0]!, "..", "left");
  mkdirSync(stubborn);
  const warned = new Promise<Error>((resolve) => process.once("warning", resolve));
  await produceMany(topic, 1, (i) => `v${i}`);
  await run();
  assert.match((await warned).message, /Unfinished files in .* could not be removed; the next start tries again/);
  assert.equal((await published()).length, 2);
  rmSync(stubborn, { recursive: true });
  writeFileSync(stubborn, "a file now");
  await produceMany(topic, 1, (i) => `v${i}`);
  await run();
  assert.equal((await published()).length, 3);
  assert.equal(existsSync(stubborn), false);
});
