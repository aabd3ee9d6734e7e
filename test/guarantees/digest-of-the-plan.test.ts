import assert from "node:assert/strict";
import { test } from "node:test";
import { type DStream, defineJob, KafkaUtils, runJob } from "millrace";
import { defineSink, type PartitionCommit } from "millrace/sinks";
import { runningPlan } from "../../src/driver/running-plan.ts";
import type { BatchPlan } from "../../src/model/plan.ts";
import { MemoryDisk } from "../checkpoint/memory-store.ts";
import { bootstrapServers, createTopic } from "../helpers/kafka.ts";
import { produceMany } from "../helpers/produce.ts";

/** Holds nothing but what it was told; it cannot tell its progress, so that only the digest speaks. */
function listeningSink(commits: PartitionCommit[]) {
  return defineSink<string, undefined>({
    open: async () => undefined,
    fence: async () => {},
    async commitPartition(_, __, commit) {
      commits.push(commit);
      return "written";
    },
    close: async () => {},
  });
}

test("a batch that runs again bears the same digest; one of other ranges, or of another graph, another", async (t) => {
  const topic = await createTopic(t, { partitions: 1 });
  await produceMany(topic, 5, (i) => `v${i}`);
  const disk = new MemoryDisk();
  const commits: PartitionCommit[] = [];
  const run = async (fails: boolean, engine = {}, also = (values: DStream<string>) => values) => {
    const job = defineJob(
      { appName: "digest", batchInterval: "1s", master: "local", trigger: "availableNow" },
      (ssc) => {
        const params = { "bootstrap.servers": bootstrapServers(), "auto.offset.reset": "earliest" } as const;
        const values = also(KafkaUtils.createDirectStream(ssc, [topic], params).map(({ value }) => value ?? ""));
        values.saveTo(listeningSink(commits), { name: "out" });
        values.foreachRDD(() => {
          if (fails) throw new Error("the batch fails when its partition is written");
        });
      },
    );
    const running = await runJob(job, { openStore: async () => disk.store(), ...engine });
    await running.awaitTermination().catch((error) => assert.equal(error.code, "OUTPUT_FAILED"));
  };
  const last = () => {
    const { seq, epoch, digest, offsetRanges } = commits.at(-1)!;
    assert.equal(seq, 1);
    return { epoch, digest, until: offsetRanges[0]!.untilOffset };
  };

  await run(true);
  const first = last();
  const planned = new Map(disk.segments);
  // As it was before the batch was planned.
  const started = disk.segments.get("epoch-0000000001.log")!;
  const beforePlan = started.subarray(0, started.indexOf('{"type":"plan"') - 13);

  await produceMany(topic, 5, (i) => `later${i}`);
  await run(true);
  assert.deepEqual(last(), { ...first, epoch: 2 });

  disk.segments.clear();
  disk.segments.set("epoch-0000000001.log", beforePlan);
  await run(true);
  assert.equal(last().until, 10);
  assert.notEqual(last().digest, first.digest, "other ranges");

  disk.segments.clear();
  for (const [name, bytes] of planned) disk.segments.set(name, bytes);
  await run(true, { acceptChangedGraph: true }, (values) => values.filter(() => true));
  assert.equal(last().until, 5);
  assert.notEqual(last().digest, first.digest, "another graph");
});

test("the digest covers what a batch finds besides its ranges: how its states are cut, and since when its windows count", () => {
  const plan = { seq: 2, batchTime: 2_000, epoch: 1, slices: {}, previousTime: 1_000 };
  const states = { sums: { numPartitions: 2, fresh: false } };
  const digestOf = (change: Partial<BatchPlan>) =>
    runningPlan({ ...plan, states, ...change }, { epoch: 1, id: "id" }, "digest", "graph", "fail", []).digest;
  assert.equal(digestOf({ epoch: 2 }), digestOf({}));
  assert.notEqual(digestOf({ states: { sums: { numPartitions: 3, fresh: false } } }), digestOf({}));
  assert.notEqual(digestOf({ previousTime: 0 }), digestOf({}));
});
