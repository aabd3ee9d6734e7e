import assert from "node:assert/strict";
import { mkdtemp, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { type Files, REAL_FILES } from "../../src/checkpoint/files.ts";
import { LocalDiskStore } from "../../src/checkpoint/local-disk.ts";
import { faultDisk } from "../helpers/fault-disk.ts";
import { storeContract } from "./store-contract.ts";

const root = await mkdtemp(join(tmpdir(), "millrace-checkpoint-"));
after(() => rm(root, { recursive: true, force: true }));

let count = 0;
storeContract(
  "local disk",
  () => LocalDiskStore.open(join(root, String(++count))),
  () => LocalDiskStore.open(join(root, String(count))),
);

test("a place that is a file is refused with what to do", async () => {
  const file = join(root, "file");
  await writeFile(file, "");
  await assert.rejects(LocalDiskStore.open(file), { code: "BAD_OPTION", hint: /must be a directory/ });
  await assert.rejects(LocalDiskStore.open(join(file, "a", "b")), {
    code: "BAD_OPTION",
    hint: /^Something above it is a file/,
  });
});

test("a place where the system takes no directories is refused at once", async () => {
  await assert.rejects(LocalDiskStore.open("/proc/checkpoint/of/a/job"), {
    code: "BAD_OPTION",
    message: /cannot be made: ENOENT/,
    hint: /^No directory can be made there/,
  });
});

test("directories that are missing are made, whatever their names, from the working directory on", async (t) => {
  const before = process.cwd();
  process.chdir(root);
  t.after(() => process.chdir(before));
  const store = await LocalDiskStore.open("one name/ein Ordner/./c");
  await store.create("a");
  assert.deepEqual(await readdir(join(root, "one name/ein Ordner/c")), ["a"]);
});

test("a full disk leaves the segment as it was, and says that the disk is full", async () => {
  const store = await LocalDiskStore.open(join(root, "full"));
  // A device that takes no byte, in place of a segment.
  await symlink("/dev/full", join(root, "full", "a"));
  await assert.rejects(store.append("a", 0, Buffer.from("x")), { code: "CHECKPOINT_UNUSABLE", hint: /full/ });
  await store.close();
});

test("what a write leaves half done is cut off before the next one", async () => {
  const folder = join(root, "half");
  let writes = 0;
  const files = faultDisk(folder, (step) => (step === "write" && ++writes === 2 ? "ENOSPC" : undefined));
  const store = await LocalDiskStore.open(folder, files);
  await store.create("a");
  await store.append("a", 0, Buffer.from("whole"));
  await assert.rejects(store.append("a", 5, Buffer.from("half of it")), { code: "CHECKPOINT_UNUSABLE", hint: /full/ });
  assert.equal(Buffer.from(await store.read("a")).toString(), "whole");
  await store.close();
});

test("after a failed fsync nothing more is written, and no second fsync is believed", async () => {
  const folder = join(root, "unsynced");
  const steps: string[] = [];
  let syncs = 0;
  const files = faultDisk(folder, (step) => {
    steps.push(step);
    return step === "sync" && ++syncs === 2 ? "EIO" : undefined;
  });
  const store = await LocalDiskStore.open(folder, files);
  await store.create("a");
  await assert.rejects(store.append("a", 0, Buffer.from("x")), { code: "CHECKPOINT_UNUSABLE", message: /synced/ });
  const before = steps.length;
  await assert.rejects(store.append("a", 0, Buffer.from("x")), { code: "CHECKPOINT_UNUSABLE", message: /synced/ });
  assert.equal(steps.length, before);
  await store.close();
});

test("a directory that is made is synced into the ones above it, up to the first that was there", async () => {
  const synced: string[] = [];
  const open: Files["open"] = async (path, flags) => {
    const file = await REAL_FILES.open(path, flags);
    const watched = Object.create(file, {
      sync: { value: () => file.sync().then(() => synced.push(path)) },
      close: { value: () => file.close() },
    });
    return watched;
  };
  await LocalDiskStore.open(join(root, "new", "below"), { ...REAL_FILES, open });
  assert.deepEqual(synced, [join(root, "new"), root]);
  await LocalDiskStore.open(join(root, "new", "below"), { ...REAL_FILES, open });
  assert.equal(synced.length, 2);
});
