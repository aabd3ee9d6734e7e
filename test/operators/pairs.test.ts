/** By key: reduceByKey, combineByKey, groupByKey, partitionBy. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type DStream, MillraceError } from "millrace";
import { runBatch } from "../helpers/run-graph.ts";

type Sale = [country: string, amount: number];
const sales: Sale[] = [
  ["NL", 1],
  ["DE", 2],
  ["NL", 3],
  ["FR", 4],
  ["NL", 5],
  ["DE", 6],
];
const byKey = <V>(pairs: [string, V][]) => Object.fromEntries(pairs.toSorted(([a], [b]) => (a < b ? -1 : 1)));

for (const numPartitions of [1, 2, 4]) {
  const run = <U>(pipeline: (stream: DStream<Sale>) => DStream<U>) => runBatch(sales, pipeline, { numPartitions });

  test(`reduceByKey folds the values of each key, from ${numPartitions} partitions`, async () => {
    const sums = await run((stream) => stream.reduceByKey((a, b) => a + b));
    assert.equal(sums.length, 3);
    assert.deepEqual(byKey(sums), { DE: 8, FR: 4, NL: 9 });
  });

  test(`combineByKey combines before and after the values travel, from ${numPartitions} partitions`, async () => {
    const means = await run((stream) =>
      stream
        .combineByKey(
          (n) => ({ sum: n, count: 1 }),
          (c, n) => ({ sum: c.sum + n, count: c.count + 1 }),
          (a, b) => ({ sum: a.sum + b.sum, count: a.count + b.count }),
        )
        .mapValues(({ sum, count }) => sum / count),
    );
    assert.deepEqual(byKey(means), { DE: 4, FR: 4, NL: 3 });
  });

  test(`groupByKey keeps the order of the source, from ${numPartitions} partitions`, async () => {
    const groups = await run((stream) => stream.groupByKey());
    assert.deepEqual(byKey(groups), { DE: [2, 6], FR: [4], NL: [1, 3, 5] });
  });
}

test("a value is created once per key and task, then merged", async () => {
  const calls = { create: 0, mergeValue: 0, mergeCombiners: 0 };
  await runBatch(
    sales,
    (stream) =>
      stream.combineByKey(
        (n) => {
          calls.create++;
          return n;
        },
        (c, n) => {
          calls.mergeValue++;
          return c + n;
        },
        (a, b) => {
          calls.mergeCombiners++;
          return a + b;
        },
      ),
    { numPartitions: 2 },
  );
  // Three sales in each task: NL DE NL, and FR NL DE.
  assert.deepEqual(calls, { create: 5, mergeValue: 1, mergeCombiners: 2 });
});

test("numPartitions says how many partitions there are; else they are those of the parent", async () => {
  const parts = (numPartitions?: number) =>
    runBatch(
      sales,
      (stream) => stream.reduceByKey((a, b) => a + b, numPartitions === undefined ? {} : { numPartitions }).glom(),
      { numPartitions: 3 },
    );
  assert.equal((await parts()).length, 3);
  assert.equal((await parts(7)).length, 7);
  assert.equal((await parts(1)).length, 1);
});

test("equal keys meet in one partition", async () => {
  const parts = await runBatch(sales, (stream) => stream.partitionBy(3).glom(), { numPartitions: 4 });
  const homes = new Map<string, number>();
  for (const [partition, pairs] of parts.entries()) {
    for (const [key] of pairs) {
      assert.equal(homes.get(key) ?? partition, partition, `${key} is in two partitions`);
      homes.set(key, partition);
    }
  }
  assert.equal(parts.flat().length, sales.length);
});

test("a partitioner decides where a key goes, modulo the partitions", async () => {
  const parts = await runBatch(sales, (stream) => stream.partitionBy(3, (key) => (key === "NL" ? 5 : -1)).glom());
  assert.deepEqual(
    parts.map((pairs) => pairs.length),
    [0, 0, 6],
  );
  const reduced = await runBatch(sales, (stream) =>
    stream.reduceByKey((a, b) => a + b, { numPartitions: 2, partitioner: (key) => key.charCodeAt(0) }).glom(),
  );
  assert.deepEqual(
    reduced.map((pairs) => Object.fromEntries(pairs)),
    [{ NL: 9, DE: 8, FR: 4 }, {}].map((_, p) =>
      byKey((Object.entries({ NL: 9, DE: 8, FR: 4 }) as Sale[]).filter(([key]) => key.charCodeAt(0) % 2 === p)),
    ),
  );
});

test("a partitioner that throws or gives no number is named", async () => {
  for (const [partitioner, message] of [
    [() => 0.5, /The partitioner gave 0.5, not a whole number/],
    [() => undefined, /The partitioner gave undefined/],
    [
      () => {
        throw new Error("no idea");
      },
      /no idea/,
    ],
  ] as const) {
    await assert.rejects(
      runBatch(sales, (stream) => stream.partitionBy(2, partitioner as never)),
      (error) => {
        assert(MillraceError.is(error, "TASK_FAILED"));
        assert.match(error.message, message);
        assert.match(error.message, /^partitionBy at pairs\.test\.ts:\d+:\d+ failed/);
        return true;
      },
    );
  }
});

test("an async function is refused on the map side and on the reduce side", async () => {
  const later = (async (a: number) => a) as never;
  for (const numPartitions of [1, 2]) {
    const values: Sale[] = [
      ["NL", 1],
      ["NL", 2],
    ];
    await assert.rejects(
      runBatch(values, (stream) => stream.reduceByKey(later), { numPartitions }),
      { code: "ASYNC_FUNCTION", message: /given to reduceByKey at pairs\.test\.ts/, hint: /mapAsync/ },
    );
  }
  await assert.rejects(
    runBatch(sales, (stream) => stream.combineByKey(later, later, later)),
    { code: "ASYNC_FUNCTION", message: /combineByKey/ },
  );
});

test("an error in a function names the operator, on the map side and on the reduce side", async () => {
  const fails = (): never => {
    throw new Error("overflow");
  };
  for (const run of [
    () => runBatch(sales, (stream) => stream.reduceByKey(fails)),
    () => runBatch(sales, (stream) => stream.reduceByKey(fails), { numPartitions: 6 }),
    () => runBatch(sales, (stream) => stream.combineByKey(fails, fails, fails)),
  ]) {
    await assert.rejects(run, {
      code: "TASK_FAILED",
      message: /^(reduceByKey|combineByKey) at pairs\.test\.ts:\d+:\d+ failed: overflow$/,
    });
  }
});

test("what is no pair is refused in words, where types could not", async () => {
  const notPairs = [1, 2] as unknown as Sale[];
  for (const run of [
    () => runBatch(notPairs, (stream) => stream.reduceByKey((a) => a)),
    () => runBatch(notPairs, (stream) => stream.groupByKey()),
    () => runBatch(notPairs, (stream) => stream.partitionBy(2)),
  ]) {
    await assert.rejects(run, { code: "TASK_FAILED", message: /works on pairs \[key, value\]; it got number/ });
  }
});

test("a value that may not travel is refused with its path", async () => {
  await assert.rejects(
    runBatch(sales, (stream) => stream.mapValues((n) => ({ nested: [{ f: () => n }] })).groupByKey()),
    { code: "NOT_CLONEABLE", message: /groupByKey at .* value\[0\]\[0\]\.nested\[0\]\.f is a function/ },
  );
});

test("more keys than fit at once are still combined", async () => {
  const count = 250_000;
  const pairs = Array.from({ length: count * 2 }, (_, i): [number, number] => [i % count, 1]);
  const [total] = await runBatch(pairs, (stream) =>
    stream
      .reduceByKey((a, b) => a + b)
      .map(([, n]) => (n === 2 ? 1 : 0))
      .reduce((a, b) => a + b),
  );
  assert.equal(total, count);
});
