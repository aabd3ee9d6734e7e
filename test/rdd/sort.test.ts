/** sortBy, sortByKey and zipWithIndex: an order through all partitions. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { JobContext, Orderable, RDD } from "millrace";
import { assertRefused } from "../helpers/assert-error.ts";
import { runRdd } from "../helpers/run-rdd.ts";

const collect = <T>(plan: (ssc: JobContext) => RDD<T>) => runRdd(plan, (rdd) => rdd.collect());
const parts = fc.integer({ min: 1, max: 5 });

interface Item {
  readonly key: number;
  readonly id: number;
}
const items = fc.array(fc.record({ key: fc.nat(8), id: fc.nat() }, { noNullPrototype: true }), { maxLength: 200 });

test("sortBy is a stable sort in both directions, whatever the values and partitions", async () => {
  await fc.assert(
    fc.asyncProperty(items, parts, parts, fc.boolean(), async (values, from, to, ascending) => {
      const sorted = await collect((ssc) =>
        ssc
          .parallelize<Item>(values, { numPartitions: from })
          .sortBy(({ key }) => key, { numPartitions: to, ascending })
          .glom(),
      );
      assert.equal(sorted.length, to);
      const expected = values.toSorted((a, b) => (ascending ? a.key - b.key : b.key - a.key));
      assert.deepEqual(sorted.flat(), expected);
      const homes = sorted.map((part) => new Set(part.map(({ key }) => key)));
      for (const [p, keys] of homes.entries()) {
        assert(!homes.slice(p + 1).some((others) => !keys.isDisjointFrom(others)), "equal keys share a partition");
      }
    }),
    { numRuns: 60 },
  );
});

test("the partitions of a sort are about as large as each other", async () => {
  const values = Array.from({ length: 20_000 }, (_, i) => (i * 7919) % 20_011);
  const sorted = await collect((ssc) =>
    ssc
      .parallelize(values, { numPartitions: 3 })
      .sortBy((n) => n, { numPartitions: 4 })
      .glom(),
  );
  assert.deepEqual(
    sorted.flat(),
    values.toSorted((a, b) => a - b),
  );
  for (const part of sorted) assert(part.length > 4_000 && part.length < 6_000, `${part.length} of 20000 in one of 4`);
});

test("sortBy has the partitions of its parent, unless it is told", async () => {
  const count = (plan: (rdd: RDD<number>) => RDD<number>) =>
    runRdd(
      (ssc) => plan(ssc.parallelize([3, 1, 2], { numPartitions: 3 })),
      async (rdd) => rdd.getNumPartitions(),
    );
  assert.equal(await count((rdd) => rdd.sortBy((n) => n)), 3);
  assert.equal(await count((rdd) => rdd.sortBy((n) => n, { numPartitions: 7 })), 7);
});

test("numbers, bigints, texts and dates have an order; NaN comes last", async () => {
  const sorted = <T>(values: T[], key: (value: T) => Orderable) =>
    collect((ssc) => ssc.parallelize(values, { numPartitions: 2 }).sortBy(key));
  assert.deepEqual(await sorted([2, NaN, -1, Infinity], (n) => n), [-1, 2, Infinity, NaN]);
  assert.deepEqual(await sorted([2n, 10n, -1n], (n) => n), [-1n, 2n, 10n]);
  assert.deepEqual(await sorted(["b", "B", "a", ""], (text) => text), ["", "B", "a", "b"]);
  assert.deepEqual(await sorted([2, 1], (n) => new Date(n)), [1, 2]);
  assert.deepEqual(await sorted(["10", 9, "9", 10], (value) => value), [9, 10, "10", "9"]);
});

test("arrays are ordered as tuples are, by the first element, then the next; a shorter one comes first", async () => {
  const keys: Orderable[][] = [
    ["b", 1],
    ["a", true],
    ["a", 10],
    ["a", 9],
    [NaN],
    ["a"],
    [],
    ["a", ["x", 2n]],
    [new Date(3), "z"],
    ["a", "x"],
    [false],
  ];
  const expected: Orderable[][] = [
    [],
    [false],
    [new Date(3), "z"],
    [NaN],
    ["a"],
    ["a", true],
    ["a", 9],
    ["a", 10],
    ["a", "x"],
    ["a", ["x", 2n]],
    ["b", 1],
  ];
  for (const numPartitions of [1, 4]) {
    const sorted = await collect((ssc) => ssc.parallelize(keys, { numPartitions }).sortBy((key) => key));
    assert.deepEqual(sorted, expected);
  }
});

test("a key that has no order is refused, for sortBy, takeOrdered and top", async () => {
  for (const plan of [
    (rdd: RDD<number>) => rdd.sortBy(() => undefined as never),
    (rdd: RDD<number>) => rdd.takeOrdered(1, () => undefined as never),
    (rdd: RDD<number>) => rdd.top(1, () => undefined as never),
    (rdd: RDD<number>) => rdd.sortBy((n) => [n, undefined as never]),
  ]) {
    await assertRefused(
      collect((ssc) => plan(ssc.parallelize([1]))),
      "TASK_FAILED",
      /It orders by texts, numbers, bigints, booleans, dates and arrays of these; it got undefined/,
      /function threw/,
    );
  }
});

test("sortByKey sorts pairs by their key", async () => {
  const pairs: [string, number][] = [
    ["b", 1],
    ["a", 2],
    ["b", 3],
  ];
  assert.deepEqual(await collect((ssc) => ssc.parallelize(pairs, { numPartitions: 2 }).sortByKey()), [
    ["a", 2],
    ["b", 1],
    ["b", 3],
  ]);
});

test("zipWithIndex counts through all partitions, empty ones too", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.string(), { maxLength: 30 }), parts, fc.nat(3), async (values, numPartitions, few) => {
      const indexed = await collect((ssc) =>
        ssc
          .parallelize(values, { numPartitions })
          .filter((text) => text.length > few)
          .zipWithIndex(),
      );
      assert.deepEqual(
        indexed,
        values.filter((text) => text.length > few).map((text, i) => [text, i]),
      );
    }),
    { numRuns: 50 },
  );
  const many = await collect((ssc) =>
    ssc
      .parallelize(
        Array.from({ length: 20_000 }, (_, i) => i),
        { numPartitions: 3 },
      )
      .zipWithIndex()
      .filter(([value, index]) => value !== index),
  );
  assert.deepEqual(many, []);
});
