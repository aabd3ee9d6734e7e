import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { Checkpoint } from "../../src/checkpoint/checkpoint.ts";
import { type Files, type OpenFile, REAL_FILES } from "../../src/checkpoint/files.ts";
import { LocalDiskStore } from "../../src/checkpoint/local-disk.ts";
import type { BatchPlan } from "../../src/model/plan.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";

/** Every request to the disk asks `before` first, opening and listing and deleting too. */
function watchedDisk(before: (what: string) => void): Files {
  const asking = <T extends object>(of: T): T =>
    new Proxy(of, {
      get(target, name) {
        const method: unknown = Reflect.get(target, name);
        if (typeof method !== "function") return method;
        return async (...args: unknown[]) => {
          // A file is closed in any case.
          if (name !== "close") before(String(name));
          const result: unknown = await method.apply(target, args);
          return name === "open" ? asking(result as OpenFile) : result;
        };
      },
    });
  return asking(REAL_FILES);
}

const planOf = (seq: number): BatchPlan => ({
  seq,
  batchTime: 1000 * seq,
  epoch: 1,
  slices: {},
  states: { sums: { numPartitions: 1, fresh: seq === 1 } },
});

/** Takes over, checks the state that it finds, and runs three batches; segments are so short that new ones begin and old ones are deleted. */
async function drive(folder: string, before: (what: string) => void): Promise<number> {
  let completed = 0;
  const store = await LocalDiskStore.open(folder, watchedDisk(before));
  try {
    const checkpoint = await Checkpoint.open(store, "job", { segmentBytesMax: 600 });
    completed = checkpoint.world.seq;
    const last = (await checkpoint.readState("sums", 0)).at(-1);
    if (completed > 0) assert.equal(Buffer.from(last!).toString(), `after ${completed}`);
    if (checkpoint.world.pending === null) await checkpoint.plan(planOf(completed + 1), "g");
    for (let batch = 0; batch < 3; batch++) {
      const seq = checkpoint.world.seq + 1;
      if (batch > 0) await checkpoint.plan(planOf(seq), "g");
      await checkpoint.complete(seq, { sums: [{ bytes: Buffer.from(`after ${seq}`), snapshot: true }] });
      completed = seq;
    }
    await checkpoint.sweep();
  } catch (error) {
    throw Object.assign(error as Error, { completed });
  } finally {
    await store.close();
  }
  return completed;
}

for (const code of ["ENOSPC", "EIO"]) {
  test(`a disk that says ${code} to any request ends the driver in words, and the next one goes on`, async (t) => {
    const asked = new Set<string>();
    for (let step = 1; ; step++) {
      const folder = join(temporaryFolder(t), "checkpoint");
      const before = await drive(folder, () => {});
      let steps = 0;
      const failure = await drive(folder, (what) => {
        asked.add(what);
        if (++steps === step) throw Object.assign(new Error(`${code}: no`), { code });
      }).then(
        () => undefined,
        (error: Error & { code?: string; completed?: number }) => error,
      );
      if (steps < step) break;
      // What cannot be swept away at a start is left for later, and the driver goes on.
      if (failure !== undefined) assert.equal(failure.code, "CHECKPOINT_UNUSABLE", `step ${step}: ${failure.stack}`);
      const told = failure === undefined ? before + 3 : Math.max(before, failure.completed ?? 0);
      const found = (await drive(folder, () => {})) - 3;
      assert.ok(found === told || (failure && found === told + 1), `step ${step}: ${told} told, ${found} found`);
    }
    for (const what of ["mkdir", "open", "write", "datasync", "sync", "readdir", "readFile", "read", "rm"]) {
      assert.ok(asked.has(what), `the disk was never asked to ${what}`);
    }
  });
}
