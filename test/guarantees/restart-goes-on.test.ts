import assert from "node:assert/strict";
import { test } from "node:test";
import { type BatchInfo, defineJob, KafkaUtils, type OffsetRange, runJob } from "millrace";
import { MemoryDisk } from "../checkpoint/memory-store.ts";
import { bootstrapServers, createTopic } from "../helpers/kafka.ts";
import { produceMany } from "../helpers/produce.ts";

interface Seen {
  readonly seq: number;
  readonly time: number;
  readonly epoch: number;
  readonly ranges: readonly OffsetRange[];
  readonly values: readonly string[];
}

/** Ten records a partition and batch, so that a few hundred make many batches. */
function jobReading(topic: string, seen: Seen[], failAt: number | undefined) {
  return defineJob(
    { appName: "restart", batchInterval: "1s", master: "local", trigger: "availableNow", maxRatePerPartition: 10 },
    (ssc) => {
      KafkaUtils.createDirectStream(ssc, [topic], {
        "bootstrap.servers": bootstrapServers(),
        "auto.offset.reset": "earliest",
      })
        .map(({ value }) => value ?? "")
        .foreachRDD(async (rdd, time, { seq, epoch }) => {
          const values = await rdd.collect();
          seen.push({ seq, time, epoch, ranges: rdd.offsetRanges(), values });
          if (seq === failAt) throw new Error("the output fails half way");
        });
    },
  );
}

/** Runs until the store crashes at its `step`th step, or the output of a batch fails, or all is read. */
async function run(
  disk: MemoryDisk,
  topic: string,
  seen: Seen[],
  crash: { step?: number; failAt?: number } = {},
): Promise<string> {
  let steps = 0;
  disk.before = () => {
    if (++steps === crash.step) throw new Error("the driver dies here");
  };
  const completed: BatchInfo[] = [];
  try {
    const running = await runJob(jobReading(topic, seen, crash.failAt), { openStore: async () => disk.store() });
    running.addStreamingListener({ onBatchCompleted: (info) => completed.push(info) });
    await running.awaitTermination();
    return "all is read";
  } catch (error) {
    return String(error);
  } finally {
    disk.before = () => {};
  }
}

function assertExactlyOnceBySeq(seen: readonly Seen[], partitions: number, records: number): void {
  const batches = new Map<number, Seen>();
  for (const batch of seen) {
    const before = batches.get(batch.seq);
    if (before === undefined) batches.set(batch.seq, batch);
    else
      assert.deepEqual({ ...batch, epoch: 0 }, { ...before, epoch: 0 }, `batch ${batch.seq} ran again by another plan`);
  }
  const ordered = [...batches.values()].sort((a, b) => a.seq - b.seq);
  assert.deepEqual(
    ordered.map(({ seq }) => seq),
    ordered.map((_, i) => i + 1),
  );
  const ends = new Map<number, number>();
  for (const [i, { ranges, time }] of ordered.entries()) {
    if (i > 0) assert.ok(time > ordered[i - 1]!.time, "batch times rise");
    for (const { partition, fromOffset, untilOffset } of ranges) {
      assert.equal(fromOffset, ends.get(partition) ?? 0, `partition ${partition} in batch ${i + 1}`);
      ends.set(partition, untilOffset);
    }
  }
  assert.equal(ends.size, partitions);
  const values = ordered.flatMap((batch) => batch.values).sort();
  const expected = Array.from({ length: records }, (_, i) => `v${i}`).sort();
  assert.deepEqual(values, expected);
}

test("a crash before or after any write of the checkpoint loses nothing and plans nothing twice", async (t) => {
  const topic = await createTopic(t, { partitions: 2 });
  await produceMany(topic, 60, (i) => `v${i}`, { partitions: 2 });
  let crashes = 0;
  // Each step of the store is one kill point: opening, the first offsets, each plan, each completion, and each look for a newer driver.
  for (let step = 1; ; step++) {
    const disk = new MemoryDisk();
    const seen: Seen[] = [];
    const outcome = await run(disk, topic, seen, { step });
    if (outcome === "all is read") break;
    assert.match(outcome, /the driver dies here/);
    crashes++;
    assert.equal(await run(disk, topic, seen), "all is read");
    assertExactlyOnceBySeq(seen, 2, 60);
  }
  assert.ok(crashes > 12, `only ${crashes} kill points were hit`);
});

test("what arrives while the driver is down belongs to the batches after the pending one", async (t) => {
  const topic = await createTopic(t, { partitions: 2 });
  await produceMany(topic, 4, (i) => `v${i}`, { partitions: 2 });
  const disk = new MemoryDisk();
  const seen: Seen[] = [];
  assert.match(await run(disk, topic, seen, { failAt: 1 }), /the output fails half way/);
  await produceMany(topic, 36, (i) => `v${i + 4}`, { partitions: 2 });
  assert.equal(await run(disk, topic, seen), "all is read");
  assert.deepEqual(
    seen.slice(0, 2).map(({ seq, values }) => [seq, values.length]),
    [
      [1, 4],
      [1, 4],
    ],
  );
  assertExactlyOnceBySeq(seen, 2, 40);
});

test("auto.offset.reset latest is resolved once: what arrives before the first batch is read after a crash", async (t) => {
  const topic = await createTopic(t, { partitions: 1 });
  await produceMany(topic, 5, (i) => `before${i}`);
  const disk = new MemoryDisk();
  const values: string[] = [];
  const job = defineJob({ appName: "latest", batchInterval: "1s", master: "local", trigger: "availableNow" }, (ssc) => {
    KafkaUtils.createDirectStream(ssc, [topic], { "bootstrap.servers": bootstrapServers() }).foreachRDD(async (rdd) => {
      for (const { value } of await rdd.collect()) values.push(value ?? "");
    });
  });
  const start = async () => {
    const running = await runJob(job, { openStore: async () => disk.store() });
    await running.awaitTermination();
  };
  await start();
  assert.deepEqual(values, []);
  await produceMany(topic, 5, (i) => `after${i}`);
  await start();
  assert.deepEqual(values, ["after0", "after1", "after2", "after3", "after4"]);
});

test("a driver that another one has replaced stops with FENCED, and its batch does not count", async (t) => {
  const topic = await createTopic(t, { partitions: 1 });
  await produceMany(topic, 20, (i) => `v${i}`);
  const disk = new MemoryDisk();
  const seen: Seen[] = [];
  let replaced = false;
  const job = defineJob(
    {
      appName: "restart",
      batchInterval: "1s",
      master: "local",
      trigger: "availableNow",
      maxRatePerPartition: 10,
      // Whatever the policy says: a replaced driver runs nothing again.
      failedBatch: { retry: 2, backoff: "1ms" },
    },
    (ssc) => {
      KafkaUtils.createDirectStream(ssc, [topic], {
        "bootstrap.servers": bootstrapServers(),
        "auto.offset.reset": "earliest",
      })
        .map(({ value }) => value ?? "")
        .foreachRDD(async (rdd, time, { seq, epoch }) => {
          seen.push({ seq, time, epoch, ranges: rdd.offsetRanges(), values: await rdd.collect() });
          if (replaced) return;
          replaced = true;
          assert.equal(await run(disk, topic, seen), "all is read");
        });
    },
  );
  const old = await runJob(job, { openStore: async () => disk.store() });
  await assert.rejects(old.awaitTermination(), { code: "FENCED" });
  assertExactlyOnceBySeq(seen, 1, 20);
  assert.deepEqual(
    seen.map(({ seq, epoch }) => [seq, epoch]),
    [
      [1, 1],
      [1, 2],
      [2, 2],
    ],
  );
});

test("a driver that fails because another one has replaced it says so: it must not be started again", async (t) => {
  const topic = await createTopic(t, { partitions: 1 });
  await produceMany(topic, 20, (i) => `v${i}`);
  const disk = new MemoryDisk();
  let replaced = false;
  const job = defineJob(
    { appName: "restart", batchInterval: "1s", master: "local", trigger: "availableNow" },
    (ssc) => {
      KafkaUtils.createDirectStream(ssc, [topic], {
        "bootstrap.servers": bootstrapServers(),
        "auto.offset.reset": "earliest",
      })
        .map(({ value }) => value ?? "")
        .foreachRDD(async () => {
          if (replaced) return;
          replaced = true;
          await (await runJob(job, { openStore: async () => disk.store() })).awaitTermination();
          throw new Error("what I wrote to is gone");
        });
    },
  );
  const old = await runJob(job, { openStore: async () => disk.store() });
  await assert.rejects(old.awaitTermination(), { code: "FENCED" });
});

test("a pending batch of a job with other operations is refused, and run when that is accepted", async (t) => {
  const topic = await createTopic(t, { partitions: 1 });
  await produceMany(topic, 5, (i) => `v${i}`);
  const disk = new MemoryDisk();
  assert.match(await run(disk, topic, [], { failAt: 1 }), /half way/);
  const counts: number[] = [];
  const changed = defineJob(
    { appName: "restart", batchInterval: "1s", master: "local", trigger: "availableNow" },
    (ssc) => {
      KafkaUtils.createDirectStream(ssc, [topic], { "bootstrap.servers": bootstrapServers() })
        .count()
        .foreachRDD(async (rdd) => void counts.push(await rdd.first()));
    },
  );
  const openStore = async () => disk.store();
  await assert.rejects(runJob(changed, { openStore }), { code: "PLAN_MISMATCH", hint: /--accept-changed-graph/ });
  const running = await runJob(changed, { openStore, acceptChangedGraph: true });
  await running.awaitTermination();
  assert.deepEqual(counts, [5]);
});

test("a queue of values and a checkpoint do not go together", async () => {
  const job = defineJob({ appName: "queue", batchInterval: "1s", master: "local" }, (ssc) => {
    ssc.queueStream([[1]]).pprint();
  });
  await assert.rejects(runJob(job, { openStore: async () => new MemoryDisk().store() }), { code: "BAD_OPTION" });
});
