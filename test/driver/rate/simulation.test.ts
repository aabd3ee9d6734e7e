/** How backpressure takes a sudden load and a job that gets slow, with the engine's own clock, clamp and estimator. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { plot } from "../../../bench/backpressure/plot.ts";
import {
  inTrouble,
  type SimulatedBatch,
  simulate,
  TENFOLD_LOAD,
  TENFOLD_SLOWER,
} from "../../../bench/backpressure/simulation.ts";

/** Per cent of what the job can process in an interval, above it or below. */
const off = ({ records, capacity }: SimulatedBatch) => (100 * (records - capacity)) / capacity;

/** How many batches pass until all further ones are within 5 % of what the job can process. */
const settledAfter = (batches: readonly SimulatedBatch[]) =>
  batches.findLastIndex((batch) => Math.abs(off(batch)) > 5) + 1;

test("ten times the load is taken up in three batches, and never more than the job can process", async () => {
  const batches = inTrouble(await simulate(TENFOLD_LOAD));
  // The first one begins as the load does.
  assert.equal(settledAfter(batches), 3);
  assert.ok(Math.max(...batches.map(off)) < 0.1, "overshoot");
  assert.ok(batches.every(({ schedulingDelay }) => schedulingDelay === 0));
});

test("a job that becomes ten times slower is found out by one batch; the next is 7 % too large, the others not", async () => {
  const batches = inTrouble(await simulate(TENFOLD_SLOWER));
  assert.ok(off(batches[0]!) > 200, "planned while the job was fast");
  assert.ok(off(batches[1]!) < 7.5, `${off(batches[1]!)}`);
  assert.equal(settledAfter(batches), 2);
  assert.ok(Math.max(...batches.slice(2).map(off)) < 0, "they catch up with the delay");
  assert.ok(batches.slice(12).every(({ schedulingDelay }) => schedulingDelay === 0));
});

test("what was left behind is read when the trouble is over", async () => {
  for (const scenario of [TENFOLD_LOAD, TENFOLD_SLOWER]) {
    const batches = await simulate(scenario);
    assert.ok(inTrouble(batches).at(-1)!.lag > 30_000);
    assert.equal(batches.at(-1)!.lag, 0);
  }
});

test("the plot in the documentation is that of this code", async () => {
  const committed = readFileSync(new URL("../../../docs/backpressure.svg", import.meta.url), "utf8");
  assert.equal(await plot(), committed, "run `npx node --conditions=millrace-source bench/backpressure/main.ts`");
});
