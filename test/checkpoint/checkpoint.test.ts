import assert from "node:assert/strict";
import { test } from "node:test";
import { crc32 } from "node:zlib";
import { Checkpoint } from "../../src/checkpoint/checkpoint.ts";
import type { Entry } from "../../src/checkpoint/entry.ts";
import { decodeSegment, encodeEntry } from "../../src/checkpoint/framing.ts";
import type { CheckpointStore } from "../../src/checkpoint/store.ts";
import { after, NEW_WORLD, type World } from "../../src/checkpoint/world.ts";
import type { BatchPlan } from "../../src/model/plan.ts";
import { MemoryDisk } from "./memory-store.ts";

const planOf = (seq: number, from: number, until: number): BatchPlan => ({
  seq,
  batchTime: 1000 * seq,
  epoch: 1,
  slices: { views: [{ topic: "views", partition: 0, topicId: "id", fromOffset: from, untilOffset: until }] },
});

const start = { views: [{ topic: "views", partition: 0, topicId: "id", offset: 5 }] };

test("a driver finds the world as the one before it left it", async () => {
  const disk = new MemoryDisk();
  const first = await Checkpoint.open(disk.store(), "job");
  assert.deepEqual(first.world, NEW_WORLD);
  await first.start(start);
  await first.plan(planOf(1, 5, 9), "g");
  await first.complete(1);
  await first.plan(planOf(2, 9, 12), "g");

  const second = await Checkpoint.open(disk.store(), "job");
  assert.equal(second.epoch, 2);
  assert.equal(second.id, first.id);
  assert.deepEqual(second.world, {
    seq: 1,
    batchTime: 1000,
    completeTime: 1000,
    positions: { views: [{ topic: "views", partition: 0, topicId: "id", offset: 9 }] },
    pending: { plan: planOf(2, 9, 12), graph: "g" },
    earlier: [],
    states: {},
    written: {},
    abandoned: { count: 0, last: [] },
  });
});

test("windows are given up to the last batch that completed; an earlier release knew only of the last one that ended", async () => {
  const checkpoint = await Checkpoint.open(new MemoryDisk().store(), "job");
  await checkpoint.start(start);
  await checkpoint.plan(planOf(1, 5, 9), "g");
  await checkpoint.complete(1);
  await checkpoint.plan(planOf(2, 9, 12), "g");
  await checkpoint.abandon(2, { code: "TASK_FAILED", message: "no", outputs: [] });
  const { completeTime, ...earlier } = checkpoint.world;
  assert.deepEqual([completeTime, earlier.batchTime], [1000, 2000]);
  const begin = { type: "begin", checkpointId: "id", appName: "job", epoch: 2, seals: null } as const;
  assert.equal(after(NEW_WORLD, { ...begin, world: earlier as World }).completeTime, 2000);
});

test("of each output the last batch that left something in its sink is known, whatever came after", async () => {
  const disk = new MemoryDisk();
  const first = await Checkpoint.open(disk.store(), "job");
  await first.start(start);
  await first.plan(planOf(1, 5, 9), "g");
  await first.complete(1, {}, { a: [[0, 4]], b: [[0, 4]], c: [[0, 1000]] });
  await first.plan(planOf(2, 9, 12), "g");
  await first.complete(2, {}, { b: [[0, 2]] });
  await first.plan(planOf(3, 12, 13), "g");
  await first.complete(3, {}, { b: [[3, 5]] });
  const { world } = await Checkpoint.open(disk.store(), "job");
  const b = [
    [0, 2, 2],
    [2, 3, 1],
    [3, 5, 3],
  ];
  assert.deepEqual(world.written, { a: [[0, 4, 1]], b, c: [[0, 1000, 1]] });
});

test("what sinks have of a batch that was left out is needed from then on too; what an earlier try had written, under its own number", async () => {
  const checkpoint = await Checkpoint.open(new MemoryDisk().store(), "job");
  const why = { code: "TASK_FAILED", message: "no" };
  await checkpoint.start(start);
  await checkpoint.plan(planOf(1, 5, 9), "g");
  const outputs = [
    { name: "a", done: true, numPartitions: 2 },
    { name: "b", done: false, numPartitions: 3 },
  ];
  await checkpoint.abandon(1, { ...why, outputs });
  assert.deepEqual(checkpoint.world.written, { a: [[0, 2, 1]] });
  await checkpoint.receipts(1, { b: [0] });
  assert.deepEqual(checkpoint.world.written, { a: [[0, 2, 1]], b: [[0, 1, 1]] });
  await checkpoint.plan({ ...planOf(2, 5, 9), replay: { seq: 1, done: { a: "all", b: [0] } } }, "g");
  const again = [
    { name: "a", done: true },
    { name: "b", done: false, numPartitions: 3, before: [0] },
  ];
  await checkpoint.abandon(2, { ...why, outputs: again });
  await checkpoint.receipts(2, { b: [0, 2] });
  assert.deepEqual(checkpoint.world.written, {
    a: [[0, 2, 1]],
    b: [
      [0, 1, 1],
      [2, 3, 2],
    ],
  });
});

test("a checkpoint of an earlier release, which names outputs and no partitions, is read", () => {
  const begin = { type: "begin", checkpointId: "id", appName: "job", epoch: 2, seals: null } as const;
  const earlier: readonly Entry[] = [
    { ...begin, world: { ...NEW_WORLD, positions: start, written: { a: 1, c: 1 } } },
    { type: "plan", plan: planOf(1, 5, 9), graph: "g" },
    { type: "complete", seq: 1, written: ["a", "b"] },
  ];
  const world = earlier.reduce(after, NEW_WORLD);
  assert.deepEqual(world.written, { a: 1, b: 1, c: 1 });
  const next: readonly Entry[] = [
    { type: "plan", plan: planOf(2, 9, 12), graph: "g" },
    { type: "complete", seq: 2, written: { a: [[0, 4]] } },
  ];
  assert.deepEqual(next.reduce(after, world).written, { a: [[0, 4, 2]], b: 1, c: 1 });
  const ofVersion = (version: number) => {
    const bytes = Buffer.from(encodeEntry({ type: "release" }));
    bytes.writeUInt8(version, 8);
    bytes.writeUInt32BE(crc32(bytes.subarray(0, 9)), 9);
    return bytes;
  };
  assert.deepEqual(decodeSegment(Buffer.concat([ofVersion(1), ofVersion(2)]), "place").entries.length, 2);
  for (const version of [0, 3]) {
    assert.throws(() => decodeSegment(ofVersion(version), "place"), { code: "CHECKPOINT_OF_ANOTHER_VERSION" });
  }
});

test("a driver that adopts what sinks hold has an epoch above theirs, and goes on after their last batch", async () => {
  const disk = new MemoryDisk();
  const checkpoint = await Checkpoint.open(disk.store(), "job");
  await checkpoint.start(start);
  await checkpoint.plan(planOf(1, 5, 9), "g");
  await checkpoint.adopt({ seq: 7, written: { a: 7, b: 0 } }, 5);
  assert.equal(checkpoint.epoch, 6);
  const next = await Checkpoint.open(disk.store(), "job");
  assert.equal(next.epoch, 7);
  assert.deepEqual(
    { seq: next.world.seq, pending: next.world.pending, written: next.world.written, positions: next.world.positions },
    { seq: 7, pending: null, written: { a: 7, b: 0 }, positions: start },
  );
});

test("what is pending stays so when the sinks that are adopted have not come further", async () => {
  const checkpoint = await Checkpoint.open(new MemoryDisk().store(), "job");
  await checkpoint.start(start);
  await checkpoint.plan(planOf(1, 5, 9), "g");
  await checkpoint.adopt({ seq: 1, written: { a: 1 } }, 0);
  assert.equal(checkpoint.epoch, 1);
  assert.equal(checkpoint.world.pending?.plan.seq, 1);
});

test("a driver that came in between the epochs of an adoption is not overlooked", async () => {
  const disk = new MemoryDisk();
  const checkpoint = await Checkpoint.open(disk.store(), "job");
  await checkpoint.start(start);
  let opened = false;
  disk.before = async (step) => {
    if (step !== "create" || opened) return;
    opened = true;
    const other = await Checkpoint.open(disk.store(), "job");
    await other.plan(planOf(1, 5, 9), "g");
  };
  await assert.rejects(checkpoint.adopt({ seq: 7, written: {} }, 5), { code: "FENCED" });
});

test("the first offsets are there after a crash before the first batch", async () => {
  const disk = new MemoryDisk();
  await (await Checkpoint.open(disk.store(), "job")).start(start);
  const { world } = await Checkpoint.open(disk.store(), "job");
  assert.deepEqual(world.positions, start);
});

test("an older driver is fenced at its next entry, whichever that is", async () => {
  const disk = new MemoryDisk();
  const old = await Checkpoint.open(disk.store(), "job");
  await old.start(start);
  await old.plan(planOf(1, 5, 9), "g");
  const newer = await Checkpoint.open(disk.store(), "job");
  await assert.rejects(old.complete(1), { code: "FENCED" });
  assert.equal(newer.world.pending?.plan.seq, 1);
});

/** Holds the requests of one kind that a store makes. */
function pauseBefore(held: "append" | "list", disk: MemoryDisk, of: CheckpointStore) {
  const resumed = Promise.withResolvers<void>();
  const reached = Promise.withResolvers<void>();
  disk.before = async (step, store) => {
    if (step !== held || store !== of) return;
    reached.resolve();
    await resumed.promise;
  };
  return { reached: reached.promise, goOn: resumed.resolve };
}

test("a driver that is paused between writing and looking does not act on what it wrote, and the new one never sees it", async () => {
  const disk = new MemoryDisk();
  const oldStore = disk.store();
  const old = await Checkpoint.open(oldStore, "job");
  await old.start(start);

  // The old driver is about to append its plan when it is paused; the new one takes over and plans the same batch differently.
  const { reached, goOn } = pauseBefore("append", disk, oldStore);
  const plannedByOld = old.plan(planOf(1, 5, 9), "g");
  await reached;
  const newer = await Checkpoint.open(disk.store(), "job");
  assert.equal(newer.world.pending, null);
  await newer.plan(planOf(1, 5, 7), "g");
  goOn();
  await assert.rejects(plannedByOld, { code: "FENCED" });

  const third = await Checkpoint.open(disk.store(), "job");
  assert.equal(third.world.pending?.plan.slices.views?.[0]?.untilOffset, 7);
});

test("a driver that is paused when it has written and not looked yet does not act; the new one runs what it planned", async () => {
  const disk = new MemoryDisk();
  const oldStore = disk.store();
  const old = await Checkpoint.open(oldStore, "job");
  await old.start(start);
  const { reached, goOn } = pauseBefore("list", disk, oldStore);
  const plannedByOld = old.plan(planOf(1, 5, 9), "g");
  await reached;
  const newer = await Checkpoint.open(disk.store(), "job");
  assert.equal(newer.world.pending?.plan.slices.views?.[0]?.untilOffset, 9);
  goOn();
  await assert.rejects(plannedByOld, { code: "FENCED" });
  await newer.complete(1);
});

test("what the old driver plans until it is fenced is seen: a segment is created before the one before is read", async () => {
  const disk = new MemoryDisk();
  const old = await Checkpoint.open(disk.store(), "job");
  await old.start(start);
  const store = disk.store();
  disk.before = async (step, of) => {
    if (step !== "create" || of !== store) return;
    disk.before = () => {};
    await old.plan(planOf(1, 5, 9), "g");
  };
  const { world } = await Checkpoint.open(store, "job");
  assert.equal(world.pending?.plan.seq, 1);
});

test("of two drivers that start at the same time each gets an epoch of its own, and the lower one is fenced", async () => {
  const disk = new MemoryDisk();
  await Checkpoint.open(disk.store(), "job");
  const results = await Promise.allSettled([
    Checkpoint.open(disk.store(), "job"),
    Checkpoint.open(disk.store(), "job"),
  ]);
  const opened = results.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
  for (const result of results) if (result.status === "rejected") assert.equal(result.reason.code, "FENCED");
  const winner = opened.reduce((a, b) => (a.epoch > b.epoch ? a : b));
  await winner.start(start);
  for (const other of opened) if (other !== winner) await assert.rejects(other.start(start), { code: "FENCED" });
});

test("a driver whose segments a newer one has swept away while it started is fenced, and did not begin anew", async () => {
  const disk = new MemoryDisk();
  const { id } = await Checkpoint.open(disk.store(), "job");
  const slow = disk.store();
  let overtaken = false;
  disk.before = async (step, store) => {
    if (step !== "read" || store !== slow || overtaken) return;
    overtaken = true;
    // Of these two the second sweeps what the slow one is about to read.
    await Checkpoint.open(disk.store(), "job");
    await Checkpoint.open(disk.store(), "job");
  };
  await assert.rejects(Checkpoint.open(slow, "job"), { code: "FENCED" });
  assert.ok(overtaken);
  assert.equal((await Checkpoint.open(disk.store(), "job")).id, id);
});

test("a driver that cannot look whether it was replaced adds nothing more, and what it wrote counts", async () => {
  const disk = new MemoryDisk();
  const checkpoint = await Checkpoint.open(disk.store(), "job");
  await checkpoint.start(start);
  await checkpoint.plan(planOf(1, 5, 9), "g");
  disk.before = (step) => {
    if (step === "list") throw new Error("the disk cannot be read");
  };
  await assert.rejects(checkpoint.complete(1), /cannot be read/);
  disk.before = () => {};
  await assert.rejects(checkpoint.complete(1), /cannot be read/);
  assert.equal((await Checkpoint.open(disk.store(), "job")).world.seq, 1);
});

test("a segment without an entry, of a driver that died at once, is passed over", async () => {
  const disk = new MemoryDisk();
  const first = await Checkpoint.open(disk.store(), "job");
  await first.start(start);
  const store = disk.store();
  await store.create("epoch-0000000002.log");
  const third = await Checkpoint.open(disk.store(), "job");
  assert.equal(third.epoch, 3);
  assert.deepEqual(third.world.positions, start);
});

test("a tail cut at any byte gives the entries before it", async () => {
  const disk = new MemoryDisk();
  const checkpoint = await Checkpoint.open(disk.store(), "job");
  await checkpoint.start(start);
  const before = disk.segments.get("epoch-0000000001.log")!;
  await checkpoint.plan(planOf(1, 5, 9), "g");
  const whole = disk.segments.get("epoch-0000000001.log")!;
  for (let length = before.length; length < whole.length; length++) {
    const cut = whole.subarray(0, length);
    const zeros = Buffer.alloc(whole.length - length);
    for (const torn of [cut, Buffer.concat([cut, zeros])]) {
      const types = decodeSegment<Entry>(torn, "x").entries.map(({ type }) => type);
      assert.deepEqual(types, ["begin", "start"], `cut at ${length}`);
    }
  }
});

test("any flipped bit before the last entry is damage, named with its place", async () => {
  const disk = new MemoryDisk();
  const checkpoint = await Checkpoint.open(disk.store(), "job");
  await checkpoint.start(start);
  const damaged = disk.segments.get("epoch-0000000001.log")!.length;
  await checkpoint.plan(planOf(1, 5, 9), "g");
  const whole = disk.segments.get("epoch-0000000001.log")!;
  for (let bit = 0; bit < damaged * 8; bit++) {
    const copy = Buffer.from(whole);
    copy[bit >> 3]! ^= 1 << (bit & 7);
    assert.throws(() => decodeSegment(copy, "place"), {
      code: "CHECKPOINT_CORRUPT",
      message: /place is damaged at position \d+/,
    });
  }
});

test("a checkpoint of another job is refused", async () => {
  const disk = new MemoryDisk();
  await Checkpoint.open(disk.store(), "one");
  await assert.rejects(Checkpoint.open(disk.store(), "two"), {
    code: "CHECKPOINT_OF_ANOTHER_JOB",
    message: /"one".*"two"/,
  });
});

test("a long log goes on in the segment of a new epoch, and old segments are deleted", async () => {
  const disk = new MemoryDisk();
  const checkpoint = await Checkpoint.open(disk.store(), "job", { segmentBytesMax: 2000 });
  await checkpoint.start(start);
  for (let seq = 1; seq <= 50; seq++) {
    await checkpoint.plan(planOf(seq, 4 + seq, 5 + seq), "g");
    await checkpoint.complete(seq);
    await checkpoint.sweep();
  }
  assert.ok(checkpoint.epoch > 5, `epoch ${checkpoint.epoch}`);
  assert.equal(disk.segments.size, 2);
  const next = await Checkpoint.open(disk.store(), "job");
  assert.equal(next.world.seq, 50);
  assert.equal(next.world.positions?.views?.[0]?.offset, 55);
});

test("a copy that was made while states were written says which file is missing, or too short", async () => {
  const disk = new MemoryDisk();
  const first = await Checkpoint.open(disk.store(), "job");
  await first.start(start);
  await first.plan({ ...planOf(1, 5, 9), states: { sums: { numPartitions: 1, fresh: true } } }, "g");
  await first.complete(1, { sums: [{ bytes: Buffer.from("a state"), snapshot: true }] });
  const segment = [...disk.segments.keys()].find((name) => name.startsWith("state-"))!;
  for (const copied of [Buffer.from("a st"), undefined]) {
    if (copied === undefined) disk.segments.delete(segment);
    else disk.segments.set(segment, copied);
    const copy = await Checkpoint.open(disk.store(), "job");
    await assert.rejects(copy.readState("sums", 0), {
      code: "CHECKPOINT_CORRUPT",
      message: new RegExp(`${segment} is damaged at position 0`),
    });
  }
});

test("a stream that goes on before where it stood, its partition having been cut off, stands there after a restart too", () => {
  const at = { topic: "t", partition: 0, topicId: "id" };
  const standing = (offset: number): Entry => ({ type: "start", positions: { s: [{ ...at, offset }] } });
  const parts = [
    { ...at, fromOffset: 20, untilOffset: 25, leaderEpoch: 4 },
    { ...at, fromOffset: 25, untilOffset: 30, leaderEpoch: 4 },
  ];
  const plan = { seq: 1, batchTime: 1, epoch: 1, slices: { s: parts } };
  const entries: Entry[] = [
    standing(50),
    standing(20),
    { type: "plan", plan, graph: "g" },
    { type: "complete", seq: 1 },
  ];
  assert.deepEqual(entries.slice(0, 2).reduce(after, NEW_WORLD).positions, { s: [{ ...at, offset: 20 }] });
  assert.deepEqual(entries.reduce(after, NEW_WORLD).positions, { s: [{ ...at, offset: 30, leaderEpoch: 4 }] });
});
