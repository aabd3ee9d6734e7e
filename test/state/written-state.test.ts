import assert from "node:assert/strict";
import { test } from "node:test";
import { type DStream, defineJob, type EngineOptions, KafkaUtils, runJob, type State } from "millrace";
import { MemoryDisk } from "../checkpoint/memory-store.ts";
import { bootstrapServers, createTopic } from "../helpers/kafka.ts";
import { produceMany } from "../helpers/produce.ts";

type Pairs = DStream<[string, number]>;

/** Runs over all there is, and returns what the stream of `pipeline` gave, batch by batch. */
async function runOver<U>(
  topic: string,
  disk: MemoryDisk,
  pipeline: (pairs: Pairs) => DStream<U>,
  options: EngineOptions = {},
): Promise<U[][]> {
  const outputs: U[][] = [];
  const job = defineJob({ appName: "state", batchInterval: "1s", master: "local", trigger: "availableNow" }, (ssc) => {
    const kafkaParams = { "bootstrap.servers": bootstrapServers(), "auto.offset.reset": "earliest" } as const;
    const pairs = KafkaUtils.createDirectStream(ssc, [topic], kafkaParams).map(({ value }) => [value ?? "", 1]);
    pipeline(pairs).foreachRDD(async (rdd) => {
      outputs.push(await rdd.collect());
    });
  });
  const running = await runJob(job, { ...options, openStore: async () => disk.store() });
  await running.awaitTermination();
  return outputs;
}

const count = (key: string, _one: number | undefined, state: State<number>) => {
  state.update((state.get() ?? 0) + 1);
  return [key, state.get() ?? 0] as const;
};

const counted = (name: string, numPartitions?: number) => (pairs: Pairs) =>
  pairs.mapWithState(count, { name, numPartitions });

test("what a batch writes of a state grows with the keys it touches, not with those there are", async (t) => {
  const topic = await createTopic(t, { partitions: 1 });
  const disk = new MemoryDisk();
  await produceMany(topic, 5_000, (i) => `key ${i}`);
  await runOver(topic, disk, counted("counts"), { maxRatePerPartition: 5_000 });
  const sizes = () => [...disk.segments].filter(([name]) => name.startsWith("state-")).map(([, { length }]) => length);
  const [all] = sizes() as [number];
  await produceMany(topic, 10, (i) => `key ${i}`);
  await runOver(topic, disk, counted("counts"));
  const [, touched] = sizes() as [number, number];
  assert.ok(all > 90_000, `${all} bytes for all keys`);
  assert.ok(touched < 1_000, `${touched} bytes for ten of them`);
});

test("segments of a state are deleted when nothing of them is needed any more", async (t) => {
  const topic = await createTopic(t, { partitions: 1 });
  const disk = new MemoryDisk();
  await produceMany(topic, 120, (i) => `key ${i % 3}`);
  // Each run writes a segment of its own; each hundredth change of a partition is a snapshot.
  for (let run = 0; run < 3; run++) {
    await produceMany(topic, 40, (i) => `key ${i % 3}`);
    await runOver(topic, disk, counted("counts"), { maxRatePerPartition: 1 });
  }
  const names = [...disk.segments.keys()].filter((name) => name.startsWith("state-"));
  assert.ok(names.length <= 3, `${names} are still there`);
});

test("a state that the job no longer has is not lost silently", async (t) => {
  const topic = await createTopic(t, { partitions: 1 });
  const disk = new MemoryDisk();
  await produceMany(topic, 3, () => "a");
  await runOver(topic, disk, counted("counts"));
  const renamed = runOver(topic, disk, counted("renamed"));
  await assert.rejects(renamed, { code: "NAME_NOT_IN_JOB", message: /a state "counts", which this job does not have/ });
  await produceMany(topic, 1, () => "a");
  assert.deepEqual(await runOver(topic, disk, counted("renamed"), { acceptChangedGraph: true }), [[["a", 1]]]);
  // It was dropped for good.
  await produceMany(topic, 1, () => "a");
  assert.deepEqual(await runOver(topic, disk, counted("renamed")), [[["a", 2]]]);
});

test("a state is not read by another operation than the one that wrote it", async (t) => {
  const topic = await createTopic(t, { partitions: 1 });
  const disk = new MemoryDisk();
  await produceMany(topic, 3, () => "a");
  await runOver(topic, disk, counted("counts"));
  await produceMany(topic, 1, () => "a");
  const other = runOver(topic, disk, (pairs) =>
    pairs.updateStateByKey<number>((values) => values[0], { name: "counts" }),
  );
  await assert.rejects(other, { code: "STATE_DIFFERS", message: /"counts" was written by mapWithState/ });
});

test("a state that was damaged on the disk is not taken for what it was", async (t) => {
  const topic = await createTopic(t, { partitions: 1 });
  const disk = new MemoryDisk();
  await produceMany(topic, 3, () => "a");
  await runOver(topic, disk, counted("counts"));
  const [name, bytes] = [...disk.segments].find(([segment]) => segment.startsWith("state-"))!;
  bytes[20]! ^= 1;
  await produceMany(topic, 1, () => "a");
  await assert.rejects(runOver(topic, disk, counted("counts")), {
    code: "CHECKPOINT_CORRUPT",
    message: new RegExp(`${name} is damaged at position \\d+`),
  });
});

test("a plain window of a stream with state is refused with a checkpoint: nobody could compute it again", async (t) => {
  const topic = await createTopic(t, { partitions: 1 });
  const run = runOver(topic, new MemoryDisk(), (pairs) => counted("counts")(pairs).window("2s"));
  await assert.rejects(run, { code: "BAD_OPTION", message: /window of a stream with state/ });
});
