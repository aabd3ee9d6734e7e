import assert from "node:assert/strict";
import { test } from "node:test";
import { defineJob, KafkaUtils, runJob } from "millrace";
import { defineSink } from "millrace/sinks";
import type { Entry } from "../../src/checkpoint/entry.ts";
import { decodeSegment } from "../../src/checkpoint/framing.ts";
import { MemoryDisk } from "../checkpoint/memory-store.ts";
import { bootstrapServers, createTopic } from "../helpers/kafka.ts";
import { produceMany } from "../helpers/produce.ts";

interface Held {
  readonly written: string[];
  readonly seen: string[];
  /** Of the sink. */
  readonly progress: { seq: number; epoch: number };
}

/** Three batches, each with an output in the tasks and one on the driver. Every step of the store, the sink and the functions is told. */
function jobOf(topic: string, { written, seen, progress }: Held, step: (what: string) => void) {
  const sink = defineSink<string, void>({
    open: async () => step("open"),
    async progress() {
      step("progress");
      return progress.epoch === 0 ? undefined : { ...progress };
    },
    async fence(_, epoch) {
      step("fence");
      progress.epoch = epoch;
    },
    async commitPartition(_, partition, { seq }) {
      if (seq <= progress.seq) return "already written";
      for await (const values of partition.chunks()) written.push(...values);
      step("commit");
      progress.seq = seq;
      return "written";
    },
    close: async () => step("close"),
  });
  return defineJob(
    { appName: "stopped", batchInterval: "1s", master: "local", trigger: "availableNow", maxRatePerPartition: 5 },
    (ssc) => {
      const params = { "bootstrap.servers": bootstrapServers(), "auto.offset.reset": "earliest" } as const;
      const values = KafkaUtils.createDirectStream(ssc, [topic], params).map(({ value }) => {
        step("map");
        return value ?? "";
      });
      values.saveTo(sink, { name: "out" });
      values.foreachRDD(async (rdd) => {
        step("foreachRDD");
        seen.push(...(await rdd.collect()));
      });
    },
  );
}

test("a graceful stop at any step, of a recovery too, ends well, hands the checkpoint on, and nothing runs twice", async (t) => {
  const topic = await createTopic(t, { partitions: 1 });
  await produceMany(topic, 15, (i) => `v${i}`);
  const expected = Array.from({ length: 15 }, (_, i) => `v${i}`);
  const stoppedAt = new Set<string>();
  for (let stopAt = 1; ; stopAt++) {
    const disk = new MemoryDisk();
    const held: Held = { written: [], seen: [], progress: { seq: 0, epoch: 0 } };
    const run = async (onStep: (what: string) => void, signal?: AbortSignal) => {
      disk.before = onStep;
      const job = jobOf(topic, held, onStep);
      const running = await runJob(job, { openStore: async () => disk.store(), ...(signal && { signal }) });
      await running.awaitTermination();
    };
    const crash = (what: string) => {
      if (what === "foreachRDD") throw new Error("the first driver fails");
    };
    await assert.rejects(run(crash), { code: "OUTPUT_FAILED" });
    assert.equal(held.written.length, 5, "a batch is half done");
    const stop = new AbortController();
    let steps = 0;
    await run((what) => {
      if (++steps !== stopAt) return;
      stoppedAt.add(what);
      stop.abort();
    }, stop.signal);
    if (steps < stopAt) break;
    const segment = [...disk.segments].filter(([name]) => name.startsWith("epoch-")).at(-1)![1];
    assert.equal(decodeSegment<Entry>(segment, "x").entries.at(-1)?.type, "release", `stopped at step ${stopAt}`);
    await run(() => {});
    assert.deepEqual(held.written, expected, `stopped at step ${stopAt}`);
    assert.deepEqual(held.seen, expected, `stopped at step ${stopAt}`);
  }
  const steps = [
    "append",
    "close",
    "commit",
    "create",
    "fence",
    "foreachRDD",
    "list",
    "map",
    "open",
    "progress",
    "read",
  ];
  for (const step of steps) assert.ok(stoppedAt.has(step), `no stop came at ${step}`);
});
