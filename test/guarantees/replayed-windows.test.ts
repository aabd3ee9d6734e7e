/** A batch that was left out is replayed at the end of another window: what an output had of the old window says nothing of that one. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { type DStream, defineJob, KafkaUtils, runJob } from "millrace";
import { sqlite } from "millrace/sinks";
import { MemoryDisk } from "../checkpoint/memory-store.ts";
import { bootstrapServers, createTopic } from "../helpers/kafka.ts";
import { produceMany } from "../helpers/produce.ts";
import { rushingClock } from "../helpers/rushing-clock.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";

const INTERVAL_MS = 1000;

const BEHIND_WINDOWS: { readonly [name: string]: (values: DStream<string>) => DStream<string> } = {
  "a window": (values) => values.window("2s", "2s"),
  "a windowed aggregate": (values) =>
    values
      .map((value): [string, string] => ["all", value])
      .reduceByKeyAndWindow((a, b) => `${a} ${b}`, { name: "joined", window: "2s", slide: "2s" })
      .flatMap(([, joined]) => joined.split(" ")),
};

interface Run {
  /** In batches, from the beginning of time. */
  readonly from: number;
  readonly batches: number;
  /** The batch that is left out. */
  readonly failAt?: number;
  readonly replay?: readonly number[];
}

/** One record a batch, and one batch a second, by a clock that does not wait. */
async function run(
  disk: MemoryDisk,
  topic: string,
  output: (values: DStream<string>) => void,
  { from, batches, failAt, replay = [] }: Run,
): Promise<void> {
  const options = { appName: "windows", batchInterval: "1s", master: "local", maxRatePerPartition: 1 } as const;
  const failedBatch = { otherwise: "continue", acceptGapInState: true } as const;
  const job = defineJob({ ...options, failedBatch }, (ssc) => {
    const kafkaParams = { "bootstrap.servers": bootstrapServers(), "auto.offset.reset": "earliest" } as const;
    const values = KafkaUtils.createDirectStream(ssc, [topic], kafkaParams).map(({ value }) => value ?? "");
    output(values);
    values.foreachRDD(
      (_, __, { seq }) => {
        if (seq === failAt) throw new Error("not this batch");
      },
      { name: "batches" },
    );
  });
  const { over, ...clock } = rushingClock((from + batches) * INTERVAL_MS, from * INTERVAL_MS);
  const running = await runJob(job, { clock, openStore: async () => disk.store(), replay });
  over.addEventListener("abort", () => void running.stop());
  await running.awaitTermination();
}

for (const [what, behind] of Object.entries(BEHIND_WINDOWS)) {
  test(`a replay at the end of ${what} gives all of it, also to an output that was done when the batch was left out`, async (t) => {
    const topic = await createTopic(t, { partitions: 1 });
    await produceMany(topic, 8, (i) => `v${i}`);
    const disk = new MemoryDisk();
    const given: string[] = [];
    const output = (values: DStream<string>) =>
      behind(values).foreachRDD(
        async (rdd, time) => void given.push(`${time}: ${(await rdd.collect()).toSorted().join(" ")}`),
        { name: "windows" },
      );

    await run(disk, topic, output, { from: 0, batches: 5, failAt: 2 });
    // What was due in the batch that was left out comes with the next one.
    assert.deepEqual(given.splice(0), ["2000: v0 v1", "3000: v0", "4000: v2 v3"]);
    await run(disk, topic, output, { from: 5, batches: 3, replay: [2] });
    assert.deepEqual(given, ["6000: v1 v4", "8000: v5 v6"]);
  });
}

test("an output that brings windows together with what is of each batch is not replayed when its sink has a part of that", async (t) => {
  const topic = await createTopic(t, { partitions: 1 });
  await produceMany(topic, 8, (i) => `v${i}`);
  const disk = new MemoryDisk();
  const setup = "create table if not exists lines (line text)";
  const sink = sqlite<string>({
    path: join(temporaryFolder(t), "db"),
    table: "lines",
    row: (line) => ({ line }),
    setup,
  });
  const output = (values: DStream<string>) => values.union(values.window("2s", "2s")).saveTo(sink, { name: "both" });
  await run(disk, topic, output, { from: 0, batches: 5, failAt: 2 });
  await assert.rejects(run(disk, topic, output, { from: 5, batches: 3, replay: [2] }), {
    code: "PLAN_MISMATCH",
    message: /^Batch 2 cannot be replayed: output "both" has some of it, and brings windows together/,
  });
});
