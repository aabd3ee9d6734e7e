import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { defineJob, KafkaUtils, runJob, type State } from "millrace";
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
function statefulJob(topic: string, seen: Seen) {
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
    const chains = pairs.mapWithState(chain, { name: "chains", timeout: "2s", numPartitions: 3 });
    const sums = pairs.updateStateByKey<number>((values, sum = 0) => values.reduce((a, b) => a * 3 + b, sum) % 1e9, {
      name: "sums",
    });
    const windows = pairs.reduceByKeyAndWindow((a, b) => a + b, {
      name: "windows",
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

async function run(topic: string, disk: MemoryDisk, clock: RushingClock, seen: Seen): Promise<void> {
  const running = await runJob(statefulJob(topic, seen), {
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
  assert.equal(straight.outputs.size, 5 * BATCHES);
  assert.ok(
    straight.outputs.get("chains 7")!.some((line) => String(line).includes("timed out")),
    "timeouts are part of it",
  );

  for (let step = 1; ; step++) {
    const disk = new MemoryDisk();
    const clock = rushingClock(BATCHES * 1000);
    const seen = new Seen();
    let steps = 0;
    disk.before = () => {
      if (++steps === step) throw new Error("the driver dies here");
    };
    const crashed = await run(topic, disk, clock, seen).then(
      () => false,
      (error: unknown) => String(error).includes("the driver dies here") || assert.fail(error as Error),
    );
    if (!crashed) {
      assert.ok(step > 40, `only ${step} kill points were hit`);
      break;
    }
    disk.before = () => {};
    clock.stepBack();
    await run(topic, disk, clock, seen);
    assert.deepEqual(seen.outputs, straight.outputs, `after a crash at step ${step}`);
  }
});
