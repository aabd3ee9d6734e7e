import assert from "node:assert/strict";
import { test } from "node:test";
import { smoke } from "../bench/smoke.ts";
import { bootstrapServers } from "./helpers/kafka.ts";

/** A collapse, not noise: see docs/performance.md for what the engine really reaches. */
const COLLAPSE = 0.4;

for (const workload of ["count", "words"] as const) {
  test(`the engine's ${workload} does the work of a loop written by hand, at no less than 40 % of its speed`, async () => {
    const ofLimit = await smoke(bootstrapServers(), workload);
    assert.ok(ofLimit > COLLAPSE, `the engine is at ${(ofLimit * 100).toFixed(0)} % of the limit`);
  });
}
