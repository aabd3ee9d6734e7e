/** acceptChangedGraph when a sink has a part of the pending batch already: the rest would be computed by other operations. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { defineJob, KafkaUtils, runJob } from "millrace";
import { sqlite } from "millrace/sinks";
import { MemoryDisk } from "../checkpoint/memory-store.ts";
import { bootstrapServers, createTopic } from "../helpers/kafka.ts";
import { produceMany } from "../helpers/produce.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";

test("a changed graph is not accepted for a batch of which a sink has a part, and the error says what to do", async (t) => {
  const topic = await createTopic(t, { partitions: 1 });
  await produceMany(topic, 3, (i) => `v${i}`);
  const path = join(temporaryFolder(t), "db");
  const disk = new MemoryDisk();
  const run = async (version: "old" | "new", { fails = false, acceptChangedGraph = false } = {}) => {
    const job = defineJob(
      { appName: "changing", batchInterval: "1s", master: "local", trigger: "availableNow" },
      (ssc) => {
        const kafkaParams = { "bootstrap.servers": bootstrapServers(), "auto.offset.reset": "earliest" } as const;
        const records = KafkaUtils.createDirectStream(ssc, [topic], kafkaParams);
        const lines = records.map(({ value }) => `${version} ${value}`);
        const kept = version === "new" ? lines.filter((line) => line !== "new v0") : lines;
        const setup = "create table if not exists lines (line text)";
        kept.saveTo(sqlite<string>({ path, table: "lines", row: (line) => ({ line }), setup }), { name: "lines" });
        kept.foreachRDD(() => {
          if (fails) throw new Error("no");
        });
      },
    );
    const running = await runJob(job, { openStore: async () => disk.store(), acceptChangedGraph });
    await running.awaitTermination();
  };
  const stored = () => {
    const db = new DatabaseSync(path);
    const rows = db.prepare("select line from lines").all();
    db.close();
    return rows.map(({ line }) => line);
  };

  await assert.rejects(run("old", { fails: true }), { code: "OUTPUT_FAILED" });
  await assert.rejects(run("new"), { code: "PLAN_MISMATCH", hint: /--accept-changed-graph/ });
  const refused = {
    code: "PLAN_MISMATCH",
    message:
      'Batch 1 is pending, and output "lines" has a part of it already, written by a job with other operations than this one has. The rest would not fit.',
    hint: /^Accepting the changed graph cannot help here\. Run the version before once more and stop it when batch 1 is complete/,
  };
  await assert.rejects(run("new", { acceptChangedGraph: true }), refused);
  await assert.rejects(run("new", { acceptChangedGraph: true }), refused, "at every start: nothing was planned anew");
  await run("old");
  await produceMany(topic, 1, () => "v3");
  await run("new");
  assert.deepEqual(stored(), ["old v0", "old v1", "old v2", "new v3"]);
});

test("a changed graph is accepted for a batch of which no sink has anything", async (t) => {
  const topic = await createTopic(t, { partitions: 1 });
  await produceMany(topic, 2, (i) => `v${i}`);
  const path = join(temporaryFolder(t), "db");
  const disk = new MemoryDisk();
  const run = async (doubled: boolean, options: { acceptChangedGraph?: boolean } = {}) => {
    const job = defineJob(
      { appName: "changing", batchInterval: "1s", master: "local", trigger: "availableNow" },
      (ssc) => {
        const kafkaParams = { "bootstrap.servers": bootstrapServers(), "auto.offset.reset": "earliest" } as const;
        const lines = KafkaUtils.createDirectStream(ssc, [topic], kafkaParams).map(({ value }) => value ?? "");
        const row = (line: string) => {
          if (!doubled) throw new Error("no");
          return { line };
        };
        const setup = "create table if not exists lines (line text)";
        const all = doubled ? lines.flatMap((line) => [line, line]) : lines;
        all.saveTo(sqlite({ path, table: "lines", row, setup }), { name: "lines" });
      },
    );
    await (await runJob(job, { openStore: async () => disk.store(), ...options })).awaitTermination();
  };
  await assert.rejects(run(false), { code: "OUTPUT_FAILED" });
  await run(true, { acceptChangedGraph: true });
  const db = new DatabaseSync(path);
  assert.equal(db.prepare("select count(*) as n from lines").get()?.n, 4);
  db.close();
});

test("what an older driver plans while a newer one starts is refused to another graph like anything that is pending", async (t) => {
  const topic = await createTopic(t, { partitions: 1 });
  await produceMany(topic, 2, (i) => `v${i}`);
  const disk = new MemoryDisk();
  const run = async (version: "old" | "new") => {
    const options = { appName: "changing", batchInterval: "1s", master: "local", trigger: "availableNow" } as const;
    const job = defineJob(options, (ssc) => {
      const kafkaParams = { "bootstrap.servers": bootstrapServers(), "auto.offset.reset": "earliest" } as const;
      const records = KafkaUtils.createDirectStream(ssc, [topic], kafkaParams);
      const kept = version === "new" ? records.filter(() => true) : records;
      kept.foreachRDD(() => {
        if (version === "old") throw new Error("it goes no further");
      });
    });
    await (await runJob(job, { openStore: async () => disk.store() })).awaitTermination();
  };
  // The newer one has looked, and found nothing; now it takes over.
  disk.before = async (step) => {
    if (step !== "create") return;
    disk.before = () => {};
    await assert.rejects(run("old"), { code: "OUTPUT_FAILED" });
  };
  await assert.rejects(run("new"), { code: "PLAN_MISMATCH", message: /^Batch 1 was planned, but not completed/ });
});
