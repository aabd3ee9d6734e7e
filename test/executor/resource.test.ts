/** What each thread opens once, and closes when it stops. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { type Master, MillraceError, resource } from "millrace";
import { closeResources } from "../../src/executor/resource.ts";
import { assertNothingLeft } from "../helpers/open-resources.ts";
import { runFixture } from "../helpers/run-fixture.ts";

async function notes(options: { master: Master; closeFails?: boolean; batchFails?: boolean }) {
  const { master, ...params } = options;
  const folder = mkdtempSync(join(tmpdir(), "millrace-resource-"));
  try {
    const file = join(folder, "notes");
    const run = await runFixture("resources.ts", { master, params: { file, ...params } });
    return { ...run, lines: readFileSync(file, "utf8").trim().split("\n") };
  } finally {
    await rm(folder, { recursive: true });
  }
}

test("an executor and the driver open one each, and close it at the end of the job", async (t) => {
  assertNothingLeft(t);
  const { lines, error } = await notes({ master: "local[1]" });
  assert.equal(error, undefined);
  assert.deepEqual(lines.toSorted(), [
    "driver closes after 2 uses",
    "driver opens",
    "executor closes after 3 uses",
    "executor opens",
  ]);
});

test("in this process there is one for both", async (t) => {
  assertNothingLeft(t);
  const { lines } = await notes({ master: "local" });
  assert.deepEqual(lines, ["driver opens", "driver closes after 5 uses"]);
});

test("they are closed after a failure too, which stays the failure that is told", async (t) => {
  assertNothingLeft(t);
  for (const master of ["local", "local[1]"] as const) {
    const { lines, error } = await notes({ master, batchFails: true, closeFails: true });
    assert(MillraceError.is(error, "OUTPUT_FAILED"));
    assert(lines.some((line) => line.includes("closes")));
  }
});

test("a close that fails is told when nothing else went wrong", async (t) => {
  assertNothingLeft(t);
  for (const master of ["local", "local[1]"] as const) {
    const { error } = await notes({ master, closeFails: true });
    assert(MillraceError.is(error, "CLOSE_FAILED"), String(error));
    assert.match(error.message, /the line is dead/);
    assert.match(error.hint, /close function that was given to resource/);
  }
});

test("an opening is shared by all who ask meanwhile, and a failed one is tried again", async () => {
  let openings = 0;
  const flaky = resource(async () => {
    openings++;
    if (openings === 1) throw new Error("not yet");
    return openings;
  });
  const both = await Promise.allSettled([flaky(), flaky()]);
  assert.deepEqual(
    both.map(({ status }) => status),
    ["rejected", "rejected"],
  );
  assert.equal(openings, 1);
  assert.deepEqual(await Promise.all([flaky(), flaky()]), [2, 2]);
  await closeResources();
});

test("the last opened is closed first, all are closed whatever fails, and the next use opens anew", async () => {
  const closed: string[] = [];
  const named = (name: string, fails = false) =>
    resource(
      () => name,
      () => {
        closed.push(name);
        if (fails) throw new Error(`${name} sticks`);
      },
    );
  const [a, b, c] = [named("a"), named("b", true), named("c", true)];
  for (const open of [a, b, c]) await open();
  await assert.rejects(closeResources(), { message: "c sticks; b sticks" });
  assert.deepEqual(closed, ["c", "b", "a"]);
  await closeResources();
  assert.deepEqual(closed.length, 3, "closed once only");
  assert.equal(await a(), "a");
  await closeResources();
  assert.deepEqual(closed.slice(3), ["a"]);
});

test("what is still opening when all is closed is closed as well", async () => {
  const opening = Promise.withResolvers<string>();
  let closed: string | undefined;
  const slow = resource(
    () => opening.promise,
    (value) => {
      closed = value;
    },
  );
  void slow();
  const closing = closeResources();
  opening.resolve("late");
  await closing;
  assert.equal(closed, "late");
});
