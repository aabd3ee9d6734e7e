/** Spark's RDDSuite, PairRDDFunctionsSuite, SortingSuite and DoubleRDDSuite: what their inputs must give, of the operations that are here. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { BatchRDD, RDD } from "millrace";
import { runRdd } from "../helpers/run-rdd.ts";
import { pairs, range } from "./flow.ts";
import { inAnyOrder } from "./run-flows.ts";

const collect = <T, U>(values: readonly T[], numPartitions: number, plan: (rdd: RDD<T>) => RDD<U>) =>
  runRdd(
    (ssc) => plan(ssc.parallelize(values, { numPartitions })),
    (rdd) => rdd.collect(),
  );
const ask = <T, A>(values: readonly T[], question: (rdd: BatchRDD<T>) => Promise<A>) =>
  runRdd((ssc) => ssc.parallelize(values, { numPartitions: 2 }), question);
const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0);
const add = (a: number, b: number) => a + b;

test("values are sliced as parallelize slices them: the later partitions are the larger ones", async () => {
  assert.deepEqual(await collect(range(1, 11), 3, (rdd) => rdd.glom()), [
    [1, 2, 3],
    [4, 5, 6],
    [7, 8, 9, 10],
  ]);
  assert.deepEqual(await collect<number, number[]>([], 5, (rdd) => rdd.glom()), [[], [], [], [], []]);
});

test("a repartition overloads no partition and leaves none empty, from however few values a partition", async () => {
  for (const [values, before, after] of [
    [100, 10, 20],
    [20_000, 20, 100],
    [1000, 250, 128],
    [1000, 10, 2],
    [12, 12, 4],
  ] as const) {
    const sizes = await collect(range(values), before, (rdd) =>
      rdd
        .repartition(after)
        .glom()
        .map(({ length }) => length),
    );
    assert.equal(sum(sizes), values);
    const [least, most] = [Math.min(...sizes), Math.max(...sizes)];
    assert.ok(least > 0 && most <= values / after + before, `${before} to ${after}: from ${least} to ${most}`);
    assert.ok(most <= 2 * (values / after), `${before} to ${after}: up to ${most}`);
  }
});

test("a zero is folded in for each partition and once more; one that is changed in place is not shared", async () => {
  assert.deepEqual(await collect([1, 2, 3, 4], 2, (rdd) => rdd.fold(1, add)), [13]);
  assert.deepEqual(await collect([1, 2, 3, 4], 2, (rdd) => rdd.aggregate(1, add, add)), [13]);
  const inPlace = (total: number[], [n]: number[]) => {
    total[0]! += n!;
    return total;
  };
  const lists = range(-1000, 1000).map((n) => [n]);
  assert.deepEqual(await collect<number[], number[]>(lists, 10, (rdd) => rdd.fold([0], inPlace)), [[-1000]]);
  const sets = await collect(pairs([1, 1], [1, 1], [3, 2], [5, 1], [5, 3]), 2, (rdd) =>
    rdd.aggregateByKey(
      new Set<number>(),
      (set, n) => set.add(n),
      (a, b) => a.union(b),
    ),
  );
  assert.deepEqual(inAnyOrder(sets), [
    [1, new Set([1])],
    [3, new Set([2])],
    [5, new Set([1, 3])],
  ]);
});

test("take and takeOrdered give as many as there are, and none for 0", async () => {
  for (const n of [0, 1, 3, 500, 501, 999, 1000]) {
    assert.deepEqual(await ask(range(1, 1000), (rdd) => rdd.take(n)), range(1, Math.min(n, 999) + 1));
  }
  for (const n of [0, 5, 20]) {
    assert.deepEqual(await collect(range(10), 2, (rdd) => rdd.takeOrdered(n)), range(Math.min(n, 10)));
  }
});

test("pairs are ordered as tuples: by sortBy, sortByKey, top, takeOrdered, max and min", async () => {
  const people = [
    ["Bob", "Smith", 50],
    ["Jane", "Smith", 40],
    ["Thomas", "Williams", 30],
    ["Karen", "Williams", 60],
  ] as const;
  const names = (rdd: RDD<(typeof people)[number]>) => rdd.map(([first]) => first);
  const byName = await collect(people, 2, (rdd) => names(rdd.sortBy(([first, last]) => [last, first])));
  assert.deepEqual(byName, ["Bob", "Jane", "Karen", "Thomas"]);
  const byAge = await collect(people, 2, (rdd) =>
    names(rdd.sortBy(([, last, age]) => [last, -age], { ascending: false })),
  );
  assert.deepEqual(byAge, ["Thomas", "Karen", "Jane", "Bob"]);
  const words = pairs(["a", 2], ["c", 1], ["b", 2], ["a", 1]);
  const mostFirst = await collect(words, 3, (rdd) => rdd.takeOrdered(3, ([word, n]) => [-n, word]));
  assert.deepEqual(mostFirst, pairs(["a", 2], ["b", 2], ["a", 1]));
  assert.deepEqual(await collect(words, 3, (rdd) => rdd.top(2)), pairs(["c", 1], ["b", 2]));
  assert.deepEqual(await ask(words, (rdd) => rdd.max()), ["c", 1]);
  assert.deepEqual(await ask(words, (rdd) => rdd.min()), ["a", 1]);
  const keyed = await collect(words, 3, (rdd) =>
    rdd
      .map((word) => [word, true])
      .sortByKey()
      .keys(),
  );
  assert.deepEqual(keyed, pairs(["a", 1], ["a", 2], ["b", 2], ["c", 1]));
  assert.deepEqual(await collect([2, 1, 4, 3], 2, (rdd) => rdd.sortBy((n) => n % 2 === 0)), [1, 3, 2, 4]);
});

test("a histogram counts by edges of any kind, also infinite ones; what is outside them or NaN does not count", async () => {
  const counts = async (numbers: readonly number[], edges: readonly number[]) =>
    (await ask(numbers, (rdd) => rdd.histogram(edges))).counts;
  const uneven = [-0.01, 0, 1, 2, 3, 5, 6, 11.01, 12, 199, 200, 200.1, NaN];
  assert.deepEqual(await counts([], [0, 10]), [0]);
  assert.deepEqual(await counts([10.01, -0.01], [0, 5, 10]), [0, 0]);
  assert.deepEqual(await counts([1, 2, 3, 4], [1, 4]), [4]);
  assert.deepEqual(await counts(uneven, [0, 5, 11, 12, 200]), [4, 2, 1, 3]);
  assert.deepEqual(await counts([10.01, -0.01, NaN], [-Infinity, 0, Infinity]), [1, 1]);
});

test("a histogram of so many buckets has the edges that anybody would write", async () => {
  assert.deepEqual(await ask([1, 2], (rdd) => rdd.histogram(10)), {
    edges: [1, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.7, 1.8, 1.9, 2],
    counts: [1, 0, 0, 0, 0, 0, 0, 0, 0, 1],
  });
  assert.deepEqual(await ask(range(6, 100), (rdd) => rdd.histogram(8)), {
    edges: [6, 17.625, 29.25, 40.875, 52.5, 64.125, 75.75, 87.375, 99],
    counts: [12, 12, 11, 12, 12, 11, 12, 12],
  });
  const nine = await ask(range(6, 100), (rdd) => rdd.histogram(9));
  assert.equal(nine.edges[3], 37);
  // 37 and 68 are edges: they count where their bucket begins. Spark divides by a rounded width there, and counts them one bucket lower.
  assert.deepEqual(nine.counts, [11, 10, 10, 11, 10, 10, 11, 10, 11]);
});

test("numbers whose edges would not be numbers any more are refused", async () => {
  const asked = ask([0, 1e308], (rdd) => rdd.histogram(10));
  await assert.rejects(asked, { code: "BAD_OPTION", message: /a list of edges/ });
});

test("subtract keeps what comes several times, intersection and distinct do not", async () => {
  const twice = [1, 1, 2, 3, 3];
  const large = (rdd: RDD<number>) => rdd.filter((n) => n > 1);
  assert.deepEqual(inAnyOrder(await collect(twice, 2, (rdd) => rdd.subtract(large(rdd)))), [1, 1]);
  assert.deepEqual(inAnyOrder(await collect(twice, 2, (rdd) => rdd.intersection(large(rdd)))), [2, 3]);
  assert.deepEqual(inAnyOrder(await collect(twice, 2, (rdd) => rdd.distinct({ numPartitions: 2 }))), [1, 2, 3]);
});

test("many more partitions than values lose nothing", async () => {
  assert.deepEqual(inAnyOrder(await collect(range(10), 500, (rdd) => rdd.repartition(1001))), range(10));
});
