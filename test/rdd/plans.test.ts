/** Plans over bounded values: what is only on an RDD, and that the rest is there too. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { JobContext, RDD } from "millrace";
import { runGraph } from "../helpers/run-graph.ts";
import { runRdd } from "../helpers/run-rdd.ts";

const collect = <T>(plan: (ssc: JobContext) => RDD<T>) => runRdd(plan, (rdd) => rdd.collect());
const ofNumbers = <T>(plan: (rdd: RDD<number>) => RDD<T>, values: readonly number[] = [5, 3, 8, 1, 3]) =>
  collect((ssc) => plan(ssc.parallelize(values, { numPartitions: 2 })));

test("the operations that a stream has as well", async () => {
  assert.deepEqual(await ofNumbers((rdd) => rdd.map((n) => n + 1).filter((n) => n > 4)), [6, 9]);
  assert.deepEqual(await ofNumbers((rdd) => rdd.flatMap((n) => Array(n > 4 ? 0 : 1).fill(n))), [3, 1, 3]);
  assert.deepEqual(await ofNumbers((rdd) => rdd.glom()), [
    [5, 3],
    [8, 1, 3],
  ]);
  assert.deepEqual(
    await ofNumbers((rdd) =>
      rdd.mapPartitions(async function* (partition, { partition: number }) {
        for await (const n of partition) yield [number, n];
      }),
    ),
    [
      [0, 5],
      [0, 3],
      [1, 8],
      [1, 1],
      [1, 3],
    ],
  );
  const pairs = (rdd: RDD<number>) => rdd.map((n) => [n % 2 === 0 ? "even" : "odd", n]);
  assert.deepEqual(
    new Map(await ofNumbers((rdd) => pairs(rdd).reduceByKey((a, b) => a + b))),
    new Map([
      ["even", 8],
      ["odd", 12],
    ]),
  );
  assert.deepEqual(
    new Map(await ofNumbers((rdd) => pairs(rdd).groupByKey())),
    new Map([
      ["even", [8]],
      ["odd", [5, 3, 1, 3]],
    ]),
  );
  const sets = await ofNumbers((rdd) =>
    pairs(rdd).combineByKey(
      (n) => new Set([n]),
      (set, n) => set.add(n),
      (a, b) => a.union(b),
    ),
  );
  assert.deepEqual(
    new Map(sets),
    new Map([
      ["even", new Set([8])],
      ["odd", new Set([5, 3, 1])],
    ]),
  );
  assert.deepEqual(
    await ofNumbers((rdd) =>
      pairs(rdd)
        .mapValues((n) => -n)
        .flatMapValues((n) => [n])
        .filter(([k]) => k === "even"),
    ),
    [["even", -8]],
  );
  assert.deepEqual(await ofNumbers((rdd) => rdd.union(rdd.filter((n) => n === 1))), [5, 3, 8, 1, 3, 1]);
  assert.deepEqual((await ofNumbers((rdd) => rdd.repartition(4).glom())).length, 4);
});

test("keyBy pairs each value with what its function says", async () => {
  assert.deepEqual(await ofNumbers((rdd) => rdd.keyBy((n) => n % 3), [4, 5]), [
    [1, 4],
    [2, 5],
  ]);
});

test("keys and values are the sides of pairs", async () => {
  assert.deepEqual(await ofNumbers((rdd) => rdd.keyBy((n) => -n).keys(), [4, 5]), [-4, -5]);
  assert.deepEqual(await ofNumbers((rdd) => rdd.keyBy((n) => -n).values(), [4, 5]), [4, 5]);
});

test("groupBy gathers the values for which its function says the same", async () => {
  const groups = await ofNumbers((rdd) => rdd.groupBy((n) => ({ odd: n % 2 === 1 }), { numPartitions: 1 }));
  assert.deepEqual(groups, [
    [{ odd: true }, [5, 3, 1, 3]],
    [{ odd: false }, [8]],
  ]);
});

test("fold is one value, also of nothing", async () => {
  assert.deepEqual(await ofNumbers((rdd) => rdd.fold(0, (a, b) => a + b)), [20]);
  assert.deepEqual(await ofNumbers((rdd) => rdd.fold(0, (a, b) => a + b), []), [0]);
});

test("persist is cache", async () => {
  let computed = 0;
  const counted = await runRdd(
    (ssc) =>
      ssc
        .parallelize([1, 2])
        .map((n) => {
          computed++;
          return n;
        })
        .persist(),
    async (rdd) => [await rdd.count(), await rdd.count(), computed],
  );
  assert.deepEqual(counted, [2, 2, 2]);
});

test("distinct keeps one of each, by value and across partitions", async () => {
  assert.deepEqual((await ofNumbers((rdd) => rdd.distinct())).toSorted(), [1, 3, 5, 8]);
  const objects = await collect((ssc) =>
    ssc.parallelize([{ a: 1 }, { a: 1 }, { a: 2 }], { numPartitions: 3 }).distinct(),
  );
  assert.deepEqual(objects.map(({ a }) => a).toSorted(), [1, 2]);
});

test("reduce is one value in one partition, none for nothing", async () => {
  assert.deepEqual(await ofNumbers((rdd) => rdd.reduce(Math.max)), [8]);
  assert.deepEqual(await ofNumbers((rdd) => rdd.reduce(Math.max), []), []);
});

test("takeOrdered and top, by the value or by a key", async () => {
  assert.deepEqual(await ofNumbers((rdd) => rdd.takeOrdered(3)), [1, 3, 3]);
  assert.deepEqual(await ofNumbers((rdd) => rdd.top(2)), [8, 5]);
  assert.deepEqual(await ofNumbers((rdd) => rdd.takeOrdered(2, (n) => -n)), [8, 5]);
  assert.deepEqual(await ofNumbers((rdd) => rdd.top(2, (n) => new Date(-n))), [1, 3]);
  assert.deepEqual(await ofNumbers((rdd) => rdd.top(0)), []);
});

test("takeOrdered is the beginning of a stable sort, whatever the values, keys and partitions", async () => {
  const items = fc.array(fc.record({ key: fc.nat(5), id: fc.nat() }, { noNullPrototype: true }), { maxLength: 50 });
  await fc.assert(
    fc.asyncProperty(items, fc.nat(10), fc.integer({ min: 1, max: 5 }), async (values, n, numPartitions) => {
      const rdd = (ssc: JobContext) => ssc.parallelize(values, { numPartitions });
      const least = await collect((ssc) => rdd(ssc).takeOrdered(n, ({ key }) => key));
      assert.deepEqual(least, values.toSorted((a, b) => a.key - b.key).slice(0, n));
      const most = await collect((ssc) => rdd(ssc).top(n, ({ key }) => key));
      assert.deepEqual(most, values.toSorted((a, b) => b.key - a.key).slice(0, n));
    }),
    { numRuns: 50 },
  );
});

test("takeOrdered keeps few of many", async () => {
  const values = Array.from({ length: 20_000 }, (_, i) => (i * 7919) % 20_011);
  const sorted = values.toSorted((a, b) => a - b);
  assert.deepEqual(await ofNumbers((rdd) => rdd.takeOrdered(5), values), sorted.slice(0, 5));
});

test("a plan is only a plan: it is computed when it is asked, each time anew", async () => {
  let computed = 0;
  const counts = await runRdd(
    (ssc) =>
      ssc.parallelize([1, 2]).map((n) => {
        computed++;
        return n;
      }),
    async (rdd) => [computed, await rdd.count(), computed, await rdd.count(), computed],
  );
  assert.deepEqual(counts, [0, 2, 2, 2, 4]);
});

test("parallelize deals values out in order, as evenly as they allow", async () => {
  const parts = (count: number, numPartitions: number) =>
    collect((ssc) =>
      ssc
        .parallelize(
          Array.from({ length: count }, (_, i) => i),
          { numPartitions },
        )
        .glom(),
    );
  assert.deepEqual(await parts(5, 2), [
    [0, 1],
    [2, 3, 4],
  ]);
  assert.deepEqual(await parts(2, 4), [[], [0], [], [1]]);
  assert.deepEqual(await parts(0, 1), [[]]);
});

test("a stream and an RDD meet in transform", async () => {
  const outputs: number[][] = [];
  await runGraph((ssc) => {
    const fixed = ssc.parallelize([100]);
    ssc
      .queueStream([[1], [2]])
      .transform((rdd) => rdd.union(fixed))
      .foreachRDD(async (rdd) => {
        outputs.push(await rdd.collect());
      });
  });
  assert.deepEqual(outputs, [
    [1, 100],
    [2, 100],
  ]);
});
