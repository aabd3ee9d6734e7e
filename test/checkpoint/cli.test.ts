import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { Checkpoint } from "../../src/checkpoint/checkpoint.ts";
import { LocalDiskStore } from "../../src/checkpoint/local-disk.ts";
import { KeyedState } from "../../src/state/keyed-state.ts";
import { encodeSnapshot } from "../../src/state/state-codec.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";

const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));

const millrace = (...args: string[]) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], { encoding: "utf8" });
  return { status, stdout, stderr };
};

test("millrace checkpoint shows where a stream stands, and verify finds damage", async (t) => {
  const folder = temporaryFolder(t);
  const checkpoint = await Checkpoint.open(await LocalDiskStore.open(folder), "page-views");
  await checkpoint.start({ views: [{ topic: "views", partition: 3, topicId: "id", offset: 42 }] });
  await checkpoint.close();

  const shown = millrace("checkpoint", "show", folder);
  assert.equal(shown.status, 0, shown.stderr);
  assert.match(shown.stdout, /page-views, epoch 1: no batch is complete/);
  assert.match(shown.stdout, /views-3 goes on at 42/);
  const json = JSON.parse(millrace("checkpoint", "show", folder, "--json").stdout);
  assert.equal(json.world.positions.views[0].offset, 42);
  assert.match(millrace("checkpoint", "verify", folder).stdout, /epoch-0000000001.log: 2 entries/);

  const file = join(folder, "epoch-0000000001.log");
  const bytes = readFileSync(file);
  bytes[20]! ^= 1;
  writeFileSync(file, bytes);
  const damaged = millrace("checkpoint", "verify", folder);
  assert.equal(damaged.status, 1);
  assert.match(damaged.stdout, /damaged at position 0/);
  const unreadable = millrace("checkpoint", "show", folder);
  assert.deepEqual([unreadable.status, unreadable.stdout], [1, "The checkpoint cannot be read.\n"]);
  assert.match(unreadable.stderr, /epoch-0000000001\.log is damaged at position 0/);
});

test("millrace checkpoint show does not pass an older segment off as how things stand", async (t) => {
  const folder = temporaryFolder(t);
  for (let starts = 0; starts < 2; starts++) {
    await (await Checkpoint.open(await LocalDiskStore.open(folder), "page-views")).close();
  }
  const file = join(folder, "epoch-0000000002.log");
  const bytes = readFileSync(file);
  bytes[20]! ^= 1;
  // With a whole entry behind it, it is not one that was being written.
  writeFileSync(file, Buffer.concat([bytes, readFileSync(join(folder, "epoch-0000000001.log"))]));
  const shown = millrace("checkpoint", "show", folder);
  assert.equal(shown.status, 1);
  assert.match(shown.stderr, /epoch-0000000002\.log is damaged at position 0.*\n.*stood before, under epoch 1/);
  assert.match(shown.stdout, /^page-views, epoch 1/);
});

test("millrace checkpoint says which directory is not there, and which option", (t) => {
  const missing = millrace("checkpoint", "show", join(temporaryFolder(t), "none"));
  assert.equal(missing.status, 2);
  assert.match(missing.stderr, /^BAD_OPTION: There is no directory .*none\.\n/);
  assert.match(millrace("checkpoint", "show", ".", "--stat").stderr, /no option --stat\.\n {2}Did you mean "--state"/);
});

test("millrace checkpoint tells of a database that does not answer at once, without the password", () => {
  const began = performance.now();
  const { status, stderr } = millrace("checkpoint", "show", "postgres://u:secret@127.0.0.1:1/jobs#orders");
  assert.equal(status, 1);
  assert.equal(
    stderr,
    "CHECKPOINT_UNUSABLE: The checkpoint in postgres://127.0.0.1:1/jobs#orders cannot be used: connect ECONNREFUSED 127.0.0.1:1\n  No server listens there. Check host and port in checkpointDirectory.\n",
  );
  assert.ok(performance.now() - began < 20_000, "it tried for half a minute");
});

test("millrace checkpoint show --state prints every key of every state", async (t) => {
  const folder = temporaryFolder(t);
  const checkpoint = await Checkpoint.open(await LocalDiskStore.open(folder), "page-views");
  const state = new KeyedState<string, unknown>();
  state.put("NL", { views: 3, users: new Set(["a"]) }, 1000);
  const bytes = encodeSnapshot(state, { name: "countries", kind: "mapWithState" });
  const states = { countries: { numPartitions: 1, fresh: true } };
  await checkpoint.plan({ seq: 1, batchTime: 1000, epoch: 1, slices: {}, states }, "g");
  await checkpoint.complete(1, { countries: [{ bytes, snapshot: true }] }, { totals: [[0, 3]], lines: [[0, 1]] });
  await checkpoint.close();

  assert.match(
    millrace("checkpoint", "show", folder).stdout,
    new RegExp(
      [
        " {2}state countries: 1 partition, \\d+ bytes",
        " {2}output totals: its sink has batch 1 in partitions 0-2",
        " {2}output lines: its sink has batch 1 in partitions 0\n",
      ].join("\n"),
    ),
  );
  const shown = millrace("checkpoint", "show", folder, "--state");
  assert.match(
    shown.stdout,
    /state countries: 1 keys in 1 partitions\n {4}'NL': { views: 3, users: Set\(1\) { 'a' } }/,
  );
  const json = JSON.parse(millrace("checkpoint", "show", folder, "--state", "--json").stdout);
  assert.deepEqual(json.states[0].entries, [{ key: "NL", value: { views: 3, users: ["a"] }, touchedAt: 1000 }]);
});

test("millrace checkpoint says what it takes, and that there is nothing", (t) => {
  assert.equal(millrace("checkpoint", "sow", "x").status, 2);
  const nothing = millrace("checkpoint", "show", temporaryFolder(t));
  assert.equal(nothing.status, 1);
  assert.match(nothing.stdout, /no checkpoint/);
});

test("millrace checkpoint show tells of a batch that was left out what each output has of it, and that it was replayed", async (t) => {
  const folder = temporaryFolder(t);
  const checkpoint = await Checkpoint.open(await LocalDiskStore.open(folder), "page-views");
  const slices = { views: [{ topic: "views", partition: 0, topicId: "id", fromOffset: 4, untilOffset: 9 }] };
  const planOf = (seq: number) => ({ seq, batchTime: 1000 * seq, epoch: 1, slices });
  const outputs = [
    { name: "report", done: true },
    { name: "totals", done: false, numPartitions: 2 },
    { name: "lines", done: false, numPartitions: 2 },
    { name: "mail", done: false },
  ];
  await checkpoint.plan(planOf(1), "g");
  await checkpoint.abandon(1, { code: "TASK_FAILED", message: "no", graph: "g", outputs });
  await checkpoint.receipts(1, { totals: [1] });
  const position = checkpoint.world.positions?.views?.[0]?.offset;
  assert.match(
    millrace("checkpoint", "show", folder).stdout,
    new RegExp(
      [
        " {4}batch 1, TASK_FAILED: views-0 \\[4 -> 9\\]",
        " {6}report: done",
        " {6}totals: its sink has 1 of 2 partitions: 1",
        " {6}lines: not done; what its sink has is not known",
        " {6}mail: not done",
      ].join("\n"),
    ),
  );
  await checkpoint.plan(
    { ...planOf(2), slices: { views: [{ ...slices.views[0]!, untilOffset: 6 }] }, replay: { seq: 1, done: {} } },
    "g",
  );
  await checkpoint.complete(2);
  assert.equal(checkpoint.world.positions?.views?.[0]?.offset, position, "a replay moves no stream");
  await checkpoint.close();
  assert.match(millrace("checkpoint", "show", folder).stdout, /batch 1, .*\n {6}was replayed as batch 2/);
});
