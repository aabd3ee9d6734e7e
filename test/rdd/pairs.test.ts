/** What only RDDs have by key and between two of them. Joins are tested with streams; the RDD's are the same. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { JobContext, RDD } from "millrace";
import { canonicalKey } from "../../src/shuffle/key.ts";
import { runGraph } from "../helpers/run-graph.ts";
import { runRdd } from "../helpers/run-rdd.ts";

const collect = <T>(plan: (ssc: JobContext) => RDD<T>) => runRdd(plan, (rdd) => rdd.collect());
const sorted = (values: readonly unknown[]) => values.map((value) => canonicalKey([value])!).sort();
const parts = fc.integer({ min: 1, max: 4 });
const value = fc.oneof(fc.constantFrom<unknown>("a", "b", 1, 2, null), fc.constantFrom<unknown>(["a", 1], { x: 1 }));
const pairs = fc.array(fc.tuple(value, fc.nat(9)), { maxLength: 30 });
const same = (a: unknown, b: unknown) => canonicalKey([a]) === canonicalKey([b]);

test("subtractByKey, subtract and intersection do what they do for sets, by value", async () => {
  await fc.assert(
    fc.asyncProperty(pairs, pairs, parts, parts, async (left, right, l, r) => {
      const run = (plan: (a: RDD<[unknown, number]>, b: RDD<[unknown, number]>) => RDD<unknown>) =>
        collect((ssc) =>
          plan(ssc.parallelize(left, { numPartitions: l }), ssc.parallelize(right, { numPartitions: r })),
        );
      assert.deepEqual(
        sorted(await run((a, b) => a.subtractByKey(b))),
        sorted(left.filter(([k]) => !right.some(([other]) => same(k, other)))),
      );
      assert.deepEqual(
        sorted(await run((a, b) => a.subtract(b))),
        sorted(left.filter((one) => !right.some((other) => same(one, other)))),
      );
      const both = left.filter((one) => right.some((other) => same(one, other)));
      assert.deepEqual(
        sorted(await run((a, b) => a.intersection(b))),
        sorted(both.filter((one, i) => both.findIndex((other) => same(one, other)) === i)),
      );
    }),
    { numRuns: 40 },
  );
});

test("values of the other side that may not travel do not matter where only its keys do", async () => {
  const kept = await collect((ssc) =>
    ssc.parallelize<[string, number]>([["a", 1]]).subtractByKey(ssc.parallelize([1]).map((n) => ["b", () => n])),
  );
  assert.deepEqual(kept, [["a", 1]]);
});

test("RDDs are joined as streams are", async () => {
  const plan = <T>(f: (a: RDD<[string, number]>, b: RDD<[string, string]>) => RDD<T>) =>
    collect((ssc) =>
      f(
        ssc.parallelize<[string, number]>([
          ["a", 1],
          ["b", 2],
        ]),
        ssc.parallelize<[string, string]>([
          ["b", "x"],
          ["c", "y"],
        ]),
      ),
    );
  assert.deepEqual(await plan((a, b) => a.join(b)), [["b", [2, "x"]]]);
  assert.deepEqual(await plan((a, b) => a.leftOuterJoin(b).values()), [
    [1, undefined],
    [2, "x"],
  ]);
  assert.deepEqual(await plan((a, b) => a.rightOuterJoin(b).values()), [
    [2, "x"],
    [undefined, "y"],
  ]);
  assert.deepEqual(await plan((a, b) => a.fullOuterJoin(b).keys()), ["a", "b", "c"]);
  assert.deepEqual(await plan((a, b) => a.cogroup(b).mapValues(([ns, ss]) => ns.length * 10 + ss.length)), [
    ["a", 10],
    ["b", 11],
    ["c", 1],
  ]);
});

const sales: [string, number][] = [
  ["NL", 1],
  ["DE", 2],
  ["NL", 3],
  ["NL", 5],
];

for (const numPartitions of [1, 3]) {
  test(`aggregateByKey and foldByKey start from a zero of their own, from ${numPartitions} partitions`, async () => {
    const zero: number[] = [];
    const seen = await collect((ssc) =>
      ssc.parallelize(sales, { numPartitions }).aggregateByKey(
        zero,
        (all, n) => {
          all.push(n);
          return all;
        },
        (a, b) => a.concat(b),
      ),
    );
    assert.deepEqual(
      new Map(seen),
      new Map([
        ["NL", [1, 3, 5]],
        ["DE", [2]],
      ]),
    );
    assert.deepEqual(zero, []);
    const largest = await collect((ssc) => ssc.parallelize(sales, { numPartitions }).foldByKey(0, Math.max));
    assert.deepEqual(
      new Map(largest),
      new Map([
        ["NL", 5],
        ["DE", 2],
      ]),
    );
  });

  test(`aggregate is one value, the zero for nothing, from ${numPartitions} partitions`, async () => {
    const mean = (values: number[]) =>
      collect((ssc) =>
        ssc.parallelize(values, { numPartitions }).aggregate(
          { sum: 0, count: 0 },
          (a, n) => Object.assign(a, { sum: a.sum + n, count: a.count + 1 }),
          (a, b) => ({ sum: a.sum + b.sum, count: a.count + b.count }),
        ),
      );
    assert.deepEqual(await mean([1, 2, 6]), [{ sum: 9, count: 3 }]);
    assert.deepEqual(await mean([]), [{ sum: 0, count: 0 }]);
  });
}

test("a zero that may not travel is refused where it is written", async () => {
  await assert.rejects(
    collect((ssc) =>
      ssc.parallelize(sales).aggregateByKey(
        { f: () => 1 },
        (c) => c,
        (c) => c,
      ),
    ),
    { code: "NOT_CLONEABLE", message: /the zero of aggregateByKey\.f is a function/ },
  );
});

test("partitionBy brings equal keys together, mapAsync keeps the order", async () => {
  const placed = await collect((ssc) =>
    ssc
      .parallelize(sales)
      .partitionBy(2, (key) => (key === "NL" ? 1 : 0))
      .glom(),
  );
  assert.deepEqual(
    placed.map((part) => part.map(([key]) => key)),
    [["DE"], ["NL", "NL", "NL"]],
  );
  assert.deepEqual(
    await collect((ssc) =>
      ssc
        .parallelize(sales)
        .mapAsync(async ([key, n]) => [key, n * 2], { concurrency: 2 })
        .values(),
    ),
    [2, 4, 6, 10],
  );
});

test("an RDD of the build function can be on the left of a join inside transform", async () => {
  const outputs: unknown[] = [];
  await runGraph((ssc) => {
    const names = ssc.parallelize<[number, string]>([
      [1, "one"],
      [2, "two"],
    ]);
    const batches: [number, string][][] = [[[1, "x"]], [[2, "y"]]];
    ssc
      .queueStream(batches)
      .transform((rdd) => names.filter(([n]) => n > 0).leftOuterJoin(rdd))
      .foreachRDD(async (rdd) => {
        outputs.push(await rdd.collect());
      });
  });
  assert.deepEqual(outputs, [
    [
      [1, ["one", "x"]],
      [2, ["two", undefined]],
    ],
    [
      [1, ["one", undefined]],
      [2, ["two", "y"]],
    ],
  ]);
});
