/** Joins, sorts, samples and numbers give the same on threads as in this process. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { results } from "../fixtures/jobs/joined.ts";
import { runFixture } from "../helpers/run-fixture.ts";

test("what is joined, sorted, sampled and numbered is the same on 1 and on 3 threads, and in this process", async () => {
  const runs: unknown[][] = [];
  for (const master of ["local", "local[1]", "local[3]"] as const) {
    const { error } = await runFixture("joined.ts", { master });
    assert.equal(error, undefined);
    runs.push(results.splice(0));
  }
  // Two outputs in each of three batches.
  assert.equal(runs[0]!.length, 6);
  const [sampled, ordered] = runs[0] as [unknown[], [[{ customer: number }, unknown], number][]];
  assert(sampled.length > 1_000, `${sampled.length} of the first batch`);
  assert.deepEqual(
    ordered.map(([[{ customer }], index]) => [customer, index]),
    Array.from({ length: 131 }, (_, i) => [130 - i, i]),
  );
  assert.deepEqual(runs[1], runs[0]);
  assert.deepEqual(runs[2], runs[0]);
});
