/** What numbers, and what else has an order, can be asked; and the values of one key. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { BatchRDD } from "millrace";
import { assertRefused } from "../helpers/assert-error.ts";
import { runRdd } from "../helpers/run-rdd.ts";

const ask = <T, A>(values: readonly T[], question: (rdd: BatchRDD<T>) => Promise<A>, numPartitions = 3) =>
  runRdd((ssc) => ssc.parallelize(values, { numPartitions }), question);

test("mean, variance and stdev, of all and as of a sample", async () => {
  const numbers = [2, 4, 4, 4, 5, 5, 7, 9];
  assert.equal(await ask(numbers, (rdd) => rdd.mean()), 5);
  assert.equal(await ask(numbers, (rdd) => rdd.variance()), 4);
  assert.equal(await ask(numbers, (rdd) => rdd.stdev()), 2);
  assert.equal(await ask(numbers, (rdd) => rdd.sampleVariance()), 32 / 7);
  assert.equal(await ask(numbers, (rdd) => rdd.sampleStdev()), Math.sqrt(32 / 7));
  assert.equal(await ask([1], (rdd) => rdd.sampleVariance()), Number.NaN);
  assert.equal(await ask<number, number>([], (rdd) => rdd.mean()), Number.NaN);
});

test("max and min follow the order of sortBy, whatever is ordered", async () => {
  assert.equal(await ask([3, -5, 8, 8, 0], (rdd) => rdd.max()), 8);
  assert.equal(await ask([3, -5, 8, 8, 0], (rdd) => rdd.min(), 7), -5);
  assert.equal(await ask(["b", "c", "a"], (rdd) => rdd.max()), "c");
  assert.deepEqual(await ask([new Date(5), new Date(3)], (rdd) => rdd.min()), new Date(3));
  assert.equal(await ask([5n, 7n], (rdd) => rdd.max()), 7n);
  const values = fc.array(fc.oneof(fc.integer(), fc.string({ maxLength: 3 })), { minLength: 1, maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(values, async (mixed) => {
      const sorted = await runRdd(
        (ssc) => ssc.parallelize(mixed).sortBy((value) => value),
        (rdd) => rdd.collect(),
      );
      assert.deepEqual(
        [await ask(mixed, (rdd) => rdd.min()), await ask(mixed, (rdd) => rdd.max())],
        [sorted[0], sorted.at(-1)],
      );
    }),
    { numRuns: 20 },
  );
});

test("of nothing there is no largest value, and of what has no order neither", async () => {
  for (const method of ["max", "min"] as const) {
    await assertRefused(
      ask<number, number>([], (rdd) => rdd[method]()),
      "EMPTY_RDD",
      new RegExp(`${method}\\(\\)`),
      /isEmpty/,
    );
  }
  await assert.rejects(
    ask([{ a: 1 } as never], (rdd) => rdd.max()),
    { code: "TASK_FAILED", message: /it got object/ },
  );
});

test("a histogram counts from each edge up to the next one, the last edge included", async () => {
  const numbers = [0, 1, 4, 5, 9, 10, 10.5, -1, Number.NaN];
  assert.deepEqual(await ask(numbers, (rdd) => rdd.histogram([0, 5, 9, 10])), {
    edges: [0, 5, 9, 10],
    counts: [3, 1, 2],
  });
  // PySpark's own examples.
  const upTo50 = Array.from({ length: 51 }, (_, i) => i);
  assert.deepEqual(await ask(upTo50, (rdd) => rdd.histogram(2)), { edges: [0, 25, 50], counts: [25, 26] });
  assert.deepEqual(await ask(upTo50, (rdd) => rdd.histogram([0, 5, 25, 50])), {
    edges: [0, 5, 25, 50],
    counts: [5, 20, 26],
  });
  assert.deepEqual(await ask([7, 7], (rdd) => rdd.histogram(4)), { edges: [7, 7], counts: [2] });
});

test("buckets that make no sense are refused", async () => {
  for (const buckets of [0, 1.5, -2, [], [1], [1, 1], [2, 1], ["a", "b"], "ten"]) {
    const asked = ask([1, 2], (rdd) => rdd.histogram(buckets as never));
    await assertRefused(asked, "BAD_OPTION", /^histogram takes/, /histogram\(10\)/);
  }
  await assert.rejects(
    ask<number, unknown>([], (rdd) => rdd.histogram(3)),
    { code: "EMPTY_RDD" },
  );
  await assert.rejects(
    ask([1, Infinity], (rdd) => rdd.histogram(3)),
    { code: "BAD_OPTION", message: /a list of edges/ },
  );
});

test("what is no number is told so: texts are not put together, and a bigint is nobody's bug", async () => {
  for (const values of [["5", "6"], [1, "6"], [1n, 2n], [1, undefined], [null]]) {
    const got = values.find((value) => typeof value !== "number");
    const type = got === null ? "null" : typeof got;
    await assertRefused(
      ask(values as number[], (rdd) => rdd.sum()),
      "TASK_FAILED",
      new RegExp(`Sums and statistics are of numbers; it got ${type}`),
      /function threw/,
    );
    await assert.rejects(
      ask(values as number[], (rdd) => rdd.histogram([0, 10])),
      { code: "TASK_FAILED", message: /A histogram is of numbers/ },
    );
  }
});

test("lookup gives all values of a key, compared by value, in the order of the partitions", async () => {
  const pairs: [{ a: number; b?: number }, string][] = [
    [{ a: 1, b: 2 }, "x"],
    [{ a: 1 }, "y"],
    [{ b: 2, a: 1 }, "z"],
  ];
  assert.deepEqual(await ask(pairs, (rdd) => rdd.lookup({ b: 2, a: 1 })), ["x", "z"]);
  assert.deepEqual(await ask(pairs, (rdd) => rdd.lookup({ a: 7 })), []);
  await assert.rejects(
    ask(pairs, (rdd) => rdd.lookup((() => 1) as never)),
    {
      code: "NOT_CLONEABLE",
      message: /the key of lookup/,
    },
  );
});
