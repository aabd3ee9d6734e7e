/** Splitting by chance, and numbers without a shuffle. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { JobContext } from "millrace";
import { assertRefused } from "../helpers/assert-error.ts";
import { runRdd } from "../helpers/run-rdd.ts";

const numbers = Array.from({ length: 10_000 }, (_, i) => i);

const split = (weights: readonly number[], seed?: number) =>
  runRdd(
    (ssc: JobContext) => ssc.parallelize(numbers, { numPartitions: 3 }).randomSplit(weights, { ...(seed && { seed }) }),
    async (rdds) => {
      const parts: number[][] = [];
      for (const rdd of rdds) parts.push(await rdd.collect());
      return parts;
    },
  );

test("randomSplit puts each value into one part, in proportion to the weights", async () => {
  for (const weights of [[3, 1], [0.2, 0.3, 0.5], [1, 0, 1], [5]]) {
    const parts = await split(weights, 17);
    assert.deepEqual(
      parts.flat().toSorted((a, b) => a - b),
      numbers,
    );
    const total = weights.reduce((a, b) => a + b);
    for (const [i, part] of parts.entries()) {
      const expected = (weights[i]! / total) * 10_000;
      assert(Math.abs(part.length - expected) < 250, `${part.length} for ${expected}`);
    }
  }
  assert.deepEqual(await split([1, 1], 3), await split([2, 2], 3));
  assert.notDeepEqual(await split([1, 1], 3), await split([1, 1], 4));
});

test("weights that make no sense are refused", async () => {
  for (const weights of [[], [0], [1, -1], [Number.NaN], 3]) {
    await assertRefused(
      split(weights as never),
      "BAD_OPTION",
      /randomSplit takes weights/,
      /randomSplit\(\[0\.8, 0\.2\]\)/,
    );
  }
});

test("zipWithUniqueId gives partition k of n the numbers k, n + k, 2n + k", async () => {
  const letters = ["a", "b", "c", "d", "e"];
  const numbered = await runRdd(
    (ssc) => ssc.parallelize(letters, { numPartitions: 3 }).zipWithUniqueId().glom(),
    (rdd) => rdd.collect(),
  );
  for (const [k, part] of numbered.entries()) {
    assert.deepEqual(
      part.map(([, id]) => id),
      part.map((_, i) => k + 3 * i),
    );
  }
  assert.deepEqual(
    numbered.flat().map(([letter]) => letter),
    letters,
  );
});
