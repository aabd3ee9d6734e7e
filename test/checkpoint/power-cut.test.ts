import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { Random } from "../../bench/data/random.ts";
import { Checkpoint } from "../../src/checkpoint/checkpoint.ts";
import { LocalDiskStore } from "../../src/checkpoint/local-disk.ts";
import type { World } from "../../src/checkpoint/world.ts";
import type { BatchPlan } from "../../src/model/plan.ts";
import { type BeforeDisk, type DiskFault, faultDisk, powerCut } from "../helpers/fault-disk.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";

const PARTITIONS = 12;

/** Long enough to lie in several sectors. */
const planOf = (seq: number): BatchPlan => ({
  seq,
  batchTime: 1000 * seq,
  epoch: 1,
  slices: {
    views: Array.from({ length: PARTITIONS }, (_, partition) => {
      return { topic: "views", partition, topicId: "id", fromOffset: 10 * seq, untilOffset: 10 * seq + 10 };
    }),
  },
});

/** A driver that runs a few batches; `said` learns the world after each step that it was told is written. */
async function drive(folder: string, before: BeforeDisk, said: (world: World) => void): Promise<void> {
  const store = await LocalDiskStore.open(folder, faultDisk(folder, before));
  try {
    const checkpoint = await Checkpoint.open(store, "job", { segmentBytesMax: 4_000 });
    said(checkpoint.world);
    const { seq, pending } = checkpoint.world;
    if (pending !== null) await checkpoint.complete(seq + 1);
    for (let next = checkpoint.world.seq + 1; next <= seq + 4; next++) {
      await checkpoint.plan(planOf(next), "g");
      said(checkpoint.world);
      await checkpoint.complete(next);
      said(checkpoint.world);
    }
  } finally {
    await store.close();
  }
}

/** How many entries a world has behind it: a plan and a completion for each batch. */
const entries = ({ seq, pending }: World) => 2 * seq + (pending === null ? 0 : 1);

/** Runs a driver into `fault` at the `step`th request to the disk, cuts the power, and looks at what the next one finds. */
async function worldAfterPowerCut(folder: string, step: number, fault: DiskFault | "power cut", random: Random) {
  let steps = 0;
  let last: World | undefined;
  const failed = await drive(
    folder,
    () => {
      if (++steps < step) return undefined;
      if (fault !== "power cut") return steps === step ? fault : undefined;
      throw new Error("the power fails here");
    },
    (world) => {
      last = world;
    },
  ).then(
    () => false,
    () => true,
  );
  powerCut(folder, random);
  let found: World | undefined;
  await drive(
    folder,
    () => undefined,
    (world) => {
      found ??= world;
    },
  );
  return { reached: steps >= step, failed, last, found: found! };
}

for (const fault of ["power cut", "EIO", "ENOSPC", "short write"] as const) {
  test(`${fault} at any step, then a power cut: what the driver was told is written is there, and at most one entry more`, async (t) => {
    for (let step = 1; ; step++) {
      let reached = false;
      for (let seed = 1; seed <= 8; seed++) {
        const folder = join(temporaryFolder(t), "checkpoint");
        const result = await worldAfterPowerCut(folder, step, fault, new Random(Math.imul(seed, 0x9e3779b1) + step));
        reached = result.reached;
        if (fault === "short write") assert.equal(result.failed, false, "a short write is completed");
        const said = result.last === undefined ? 0 : entries(result.last);
        const found = entries(result.found);
        assert.ok(
          found === said || found === said + 1,
          `step ${step}, seed ${seed}: ${said} were said, ${found} found`,
        );
      }
      if (!reached) {
        assert.ok(step > 15, `only ${step} steps`);
        return;
      }
    }
  });
}
