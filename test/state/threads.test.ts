import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { counts, snapshots } from "../fixtures/jobs/counted.ts";
import { runFixture } from "../helpers/run-fixture.ts";

const keys = ["a", "b", "c", "d", "e", "f", "g", "h"];
const expected = [1, 2, 3, 4, 5, 6].map((n) => Object.fromEntries(keys.map((key) => [key, n])));

beforeEach(() => {
  counts.length = 0;
  snapshots.length = 0;
});

test("a state on threads is held by its executors from batch to batch", async () => {
  const { error, lost } = await runFixture("counted.ts", { master: "local[2]" });
  assert.equal(error, undefined);
  assert.equal(lost.length, 0);
  assert.deepEqual(counts, expected);
  assert.deepEqual(snapshots, expected);
});

test("an executor that dies behind its state takes no count along", async () => {
  const params = { dieIn: 3, dieWhile: "output runs" };
  const { error, lost } = await runFixture("counted.ts", { master: "local[2]", params });
  assert.equal(error, undefined);
  assert.equal(lost.length, 1);
  assert.deepEqual(counts, expected);
  assert.deepEqual(snapshots, expected);
});

test("an executor that dies while it advances a state has not advanced it", async () => {
  // Each replacement dies in its turn, so that the batch fails in the end.
  const params = { dieIn: 3, dieWhile: "state advances" };
  const { error, lost } = await runFixture("counted.ts", { master: "local[2]", params, taskMaxFailures: 4 });
  assert.equal(error?.code, "EXECUTOR_DIED");
  assert.ok(lost.length >= 4);
  assert.deepEqual(counts, expected.slice(0, 2));
});
