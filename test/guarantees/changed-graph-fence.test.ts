/** acceptChangedGraph while the older driver is still alive: what it commits until it is fenced is seen, also in partitions that the new graph has no more. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { defineJob, KafkaUtils, runJob } from "millrace";
import { defineSink, isStillToWrite, type Progress, type Sink } from "millrace/sinks";
import { MemoryDisk } from "../checkpoint/memory-store.ts";
import { bootstrapServers, createTopic } from "../helpers/kafka.ts";
import { produceMany } from "../helpers/produce.ts";

/** Rows and the progress of each partition, in memory. */
class Table {
  readonly rows: string[] = [];
  readonly #progress: Progress[] = [];
  /** Commits that their driver has begun and not finished. */
  readonly paused: (() => void)[] = [];

  sink({ pauses }: { readonly pauses: boolean }): Sink<string> {
    return defineSink<string, null>({
      open: async () => null,
      close: async () => {},
      fence: async (_, epoch, numPartitions) => {
        // Only now the older driver wakes up, before it is told that it was replaced.
        for (const commit of this.paused.splice(0)) commit();
        for (let n = 0; n < Math.max(numPartitions, this.#progress.length); n++) {
          this.#progress[n] = { ...(this.#progress[n] ?? { seq: 0, digest: "" }), epoch };
        }
      },
      progress: async () => {
        const seqs = this.#progress.map(({ seq }) => seq);
        const epoch = Math.max(...this.#progress.map((one) => one.epoch));
        return seqs.length === 0 ? undefined : { seq: Math.max(...seqs), epoch, seqs };
      },
      commitPartition: async (_, partition, commit) => {
        const values: string[] = [];
        for await (const value of partition) values.push(value);
        const write = () => {
          if (!isStillToWrite(commit, this.#progress[commit.partition])) return "already written";
          const { seq, epoch, digest } = commit;
          this.#progress[commit.partition] = { seq, epoch, digest };
          this.rows.push(...values);
          return "written";
        };
        if (!pauses) return write();
        if (commit.partition === 1) this.paused.push(write);
        return "written";
      },
    });
  }
}

test("what an older driver commits before it is fenced is seen before the pending batch is planned by another graph", async (t) => {
  const topic = await createTopic(t, { partitions: 2 });
  await produceMany(topic, 4, (i) => `v${i}`, { partitions: 2 });
  const disk = new MemoryDisk();
  const table = new Table();
  const run = async (version: "old" | "new", { pauses = false, acceptChangedGraph = false } = {}) => {
    const options = { appName: "changing", batchInterval: "1s", master: "local", taskMaxFailures: 1 } as const;
    const job = defineJob({ ...options, trigger: "availableNow" }, (ssc) => {
      const kafkaParams = { "bootstrap.servers": bootstrapServers(), "auto.offset.reset": "earliest" } as const;
      const lines = KafkaUtils.createDirectStream(ssc, [topic], kafkaParams).map(({ value }) => value ?? "");
      const gathered = version === "old" ? lines : lines.repartition(1);
      gathered.saveTo(table.sink({ pauses }), { name: "lines" });
      gathered.foreachRDD(() => {
        if (pauses) throw new Error("the driver goes no further");
      });
    });
    const running = await runJob(job, { openStore: async () => disk.store(), acceptChangedGraph });
    await running.awaitTermination();
  };

  await assert.rejects(run("old", { pauses: true }), { code: "OUTPUT_FAILED" });
  await assert.rejects(run("new", { acceptChangedGraph: true }), {
    code: "PLAN_MISMATCH",
    message: /^Batch 1 is pending, and output "lines" has a part of it already/,
  });
  await run("old");
  assert.deepEqual(table.rows.toSorted(), ["v0", "v1", "v2", "v3"]);
});
