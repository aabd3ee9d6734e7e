import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { defineJob, KafkaUtils, runJob, type State } from "millrace";
import { inspectCheckpoint } from "../../src/checkpoint/inspect.ts";
import { MemoryDisk } from "../checkpoint/memory-store.ts";
import { bootstrapServers, createTopic } from "../helpers/kafka.ts";
import { produceMany } from "../helpers/produce.ts";
import { type RushingClock, rushingClock } from "../helpers/rushing-clock.ts";

const KEYS = 5;
const BATCHES = 7;

/** What each output gave, by seq; a batch that ran again must give the same. */
class Seen {
  readonly outputs = new Map<string, unknown[]>();

  add(name: string, seq: number, values: readonly unknown[]): void {
    const place = `${name} ${seq}`;
    const sorted = values.map((value) => JSON.stringify(value)).sort();
    const before = this.outputs.get(place);
    if (before !== undefined) assert.deepEqual(sorted, before, `${place} ran again and gave something else`);
    this.outputs.set(place, sorted);
  }
}

/** A fold that tells every order and every repetition apart, and every kind of state and window. */
function statefulJob(topic: string, seen: Seen, numPartitions: number | undefined) {
  const options = { appName: "state", batchInterval: "1s", master: "local", maxRatePerPartition: 10 } as const;
  return defineJob(options, (ssc) => {
    const pairs = KafkaUtils.createDirectStream(ssc, [topic], {
      "bootstrap.servers": bootstrapServers(),
      "auto.offset.reset": "earliest",
    }).map(({ value, offset }) => [`key ${Number(value?.slice(1)) % KEYS}`, offset]);
    const chain = (key: string, value: number | undefined, state: State<{ chain: string; length: number }>) => {
      if (state.isTimingOut()) return [key, "timed out", state.get()];
      const { chain: before, length } = state.get() ?? { chain: "", length: 0 };
      const next = createHash("sha256").update(`${before} ${value}`).digest("hex").slice(0, 16);
      if (length === 11) state.remove();
      else state.update({ chain: next, length: length + 1 });
      return [key, next, length];
    };
    const chains = pairs.mapWithState(chain, { name: "chains", timeout: "2s", numPartitions: numPartitions ?? 3 });
    const sums = pairs.updateStateByKey<number>((values, sum = 0) => values.reduce((a, b) => a * 3 + b, sum) % 1e9, {
      name: "sums",
      numPartitions,
    });
    const windows = pairs.reduceByKeyAndWindow((a, b) => a + b, {
      name: "windows",
      numPartitions,
      window: "3s",
      slide: "1s",
      inverse: (a, b) => a - b,
    });
    const streams = {
      chains,
      snapshots: chains.stateSnapshots(),
      sums,
      windows,
      raw: pairs.window("3s", "2s").reduceByKey((a, b) => a + b),
    };
    for (const [name, stream] of Object.entries(streams)) {
      stream.foreachRDD(async (rdd, _time, { seq }) => seen.add(name, seq, await rdd.collect()));
    }
  });
}

async function run(
  topic: string,
  disk: MemoryDisk,
  clock: RushingClock,
  seen: Seen,
  numPartitions?: number,
): Promise<void> {
  const running = await runJob(statefulJob(topic, seen, numPartitions), {
    acceptChangedGraph: numPartitions !== undefined,
    openStore: async () => disk.store(),
    clock,
    signal: clock.over,
  });
  await running.awaitTermination();
}

test("a crash at any step of the store leaves every state and every window as if nothing had happened", async (t) => {
  const topic = await createTopic(t, { partitions: 2 });
  await produceMany(topic, 80, (i) => `v${i}`, { partitions: 2 });
  const straight = new Seen();
  await run(topic, new MemoryDisk(), rushingClock(BATCHES * 1000), straight);
  assert.equal(
    straight.outputs.size,
    4 * BATCHES + Math.floor(BATCHES / 2),
    "the raw window comes with each second batch",
  );
  assert.ok(
    straight.outputs.get("chains 7")!.some((line) => String(line).includes("timed out")),
    "timeouts are part of it",
  );

  const steps = await crashAtEachStep(
    () => ({ disk: new MemoryDisk(), clock: rushingClock(BATCHES * 1000), seen: new Seen() }),
    async ({ disk, clock, seen }) => run(topic, disk, clock, seen),
    async ({ disk, clock, seen }, step) => {
      clock.stepBack();
      await run(topic, disk, clock, seen);
      assert.deepEqual(seen.outputs, straight.outputs, `after a crash at step ${step}`);
    },
  );
  assert.ok(steps > 40, `only ${steps} kill points were hit`);
});

test("a crash at any step while states get other partitions leaves all of them as they were, or all dealt out anew", async (t) => {
  const topic = await createTopic(t, { partitions: 2 });
  await produceMany(topic, 80, (i) => `v${i}`, { partitions: 2 });
  const straight = new Seen();
  await run(topic, new MemoryDisk(), rushingClock(BATCHES * 1000), straight);
  const half = Math.floor(BATCHES / 2);
  const partitionsIn = async (disk: MemoryDisk) => {
    const segments = await inspectCheckpoint(disk.store());
    const { states } = segments.findLast(({ world }) => world !== undefined)!.world!;
    return Object.fromEntries(Object.entries(states).map(([name, { length }]) => [name, length]));
  };
  const before = { chains: 3, sums: 2, windows: 2 };
  const after = { chains: 5, sums: 5, windows: 5 };
  const found = new Set<string>();
  const steps = await crashAtEachStep(
    async () => {
      const [disk, seen] = [new MemoryDisk(), new Seen()];
      await run(topic, disk, rushingClock(half * 1000), seen);
      return { disk, clock: rushingClock((half + 1) * 1000, half * 1000), seen };
    },
    async ({ disk, clock, seen }) => run(topic, disk, clock, seen, 5),
    async ({ disk, clock, seen }, step) => {
      const counts = await partitionsIn(disk);
      found.add(JSON.stringify(counts));
      await run(topic, disk, rushingClock(BATCHES * 1000, clock.now() - 1), seen, 5);
      assert.deepEqual(seen.outputs, straight.outputs, `after a crash at step ${step}`);
      assert.deepEqual(await partitionsIn(disk), after);
    },
  );
  assert.ok(steps > 20, `only ${steps} kill points were hit`);
  assert.deepEqual([...found].sort(), [before, after].map((counts) => JSON.stringify(counts)).sort());
});

/** Runs once for each step of the store, and dies there; then `check` goes on. @returns how many steps there are */
async function crashAtEachStep<S extends { disk: MemoryDisk }>(
  prepare: () => S | Promise<S>,
  work: (started: S) => Promise<void>,
  check: (started: S, step: number) => Promise<void>,
): Promise<number> {
  for (let step = 1; ; step++) {
    const started = await prepare();
    const { disk } = started;
    let steps = 0;
    disk.before = () => {
      if (++steps === step) throw new Error("the driver dies here");
    };
    const crashed = await work(started).then(
      () => false,
      (error: unknown) => String(error).includes("the driver dies here") || assert.fail(error as Error),
    );
    if (!crashed) return step;
    disk.before = () => {};
    await check(started, step);
  }
}
