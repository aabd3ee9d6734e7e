/** What can be asked of an RDD. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type BatchRDD, MillraceError } from "millrace";
import { runGraph } from "../helpers/run-graph.ts";
import { runRdd } from "../helpers/run-rdd.ts";

const numbers = (count: number) => Array.from({ length: count }, (_, i) => i);

/** Asks an RDD of these values. */
const ask = <T, A>(values: readonly T[], question: (rdd: BatchRDD<T>) => Promise<A>, numPartitions = 3) =>
  runRdd((ssc) => ssc.parallelize(values, { numPartitions }), question);

async function inOrder<T>(values: AsyncIterable<T>): Promise<T[]> {
  const seen: T[] = [];
  for await (const value of values) seen.push(value);
  return seen;
}

test("collect gives every value in the order of the partitions", async () => {
  assert.deepEqual(await ask(numbers(10), (rdd) => rdd.collect()), numbers(10));
  assert.deepEqual(await ask(numbers(10), (rdd) => rdd.collect(), 1), numbers(10));
  assert.deepEqual(await ask([], (rdd) => rdd.collect()), []);
  assert.deepEqual(await ask([[1], [[2]]], (rdd) => rdd.collect()), [[1], [[2]]], "arrays stay as they are");
});

test("count, isEmpty and first", async () => {
  assert.equal(await ask(numbers(10), (rdd) => rdd.count()), 10);
  assert.equal(await ask([], (rdd) => rdd.count()), 0);
  assert.equal(await ask([1], (rdd) => rdd.isEmpty()), false);
  assert.equal(await ask([], (rdd) => rdd.isEmpty()), true);
  assert.equal(await ask([5, 6], (rdd) => rdd.first()), 5);
  assert.equal(await ask([undefined, 6], (rdd) => rdd.first()), undefined, "undefined is a value");
});

test("first of nothing is EMPTY_RDD, with what to ask instead", async () => {
  await assert.rejects(
    ask([], (rdd) => rdd.first()),
    (error) => {
      assert(MillraceError.is(error, "EMPTY_RDD"));
      assert.match(error.message, /first\(\) was asked of an RDD without values/);
      assert.match(error.hint, /isEmpty\(\)|take\(1\)/);
      return true;
    },
  );
});

test("take gives the first n, however they are spread", async () => {
  for (const numPartitions of [1, 2, 5, 40]) {
    for (const n of [0, 1, 3, 10, 11]) {
      const taken = await ask(numbers(10), (rdd) => rdd.take(n), numPartitions);
      assert.deepEqual(taken, numbers(Math.min(n, 10)), `${n} of ${numPartitions} partitions`);
    }
  }
  for (const n of [-1, Number.NaN]) assert.deepEqual(await ask(numbers(3), (rdd) => rdd.take(n)), []);
  assert.deepEqual(await ask(numbers(3), (rdd) => rdd.take(1.9)), [0]);
});

test("take reads few partitions, and no further in them than it needs", async () => {
  const read: number[] = [];
  const rdd = (n: number) =>
    runRdd(
      (ssc) =>
        ssc.parallelize(numbers(100), { numPartitions: 20 }).map((value) => {
          read.push(value);
          return value;
        }),
      (rdd) => rdd.take(n),
    );
  assert.deepEqual(await rdd(2), [0, 1]);
  assert.deepEqual(read.splice(0), [0, 1]);
  // The first partition, then the next four.
  assert.deepEqual(await rdd(7), numbers(7));
  assert(Math.max(...read) < 25, `${read}`);
});

test("collectAsMap keeps the last value of a key", async () => {
  const pairs: [string, number][] = [
    ["a", 1],
    ["b", 2],
    ["a", 3],
  ];
  assert.deepEqual(
    await ask(pairs, (rdd) => rdd.collectAsMap()),
    new Map([
      ["a", 3],
      ["b", 2],
    ]),
  );
});

test("collectAsMap compares keys by value, as Spark's does", async () => {
  const pairs: [unknown, number][] = [
    [["a"], 1],
    [{ a: 1, b: 2 }, 2],
    [["a"], 3],
    [{ b: 2, a: 1 }, 4],
    [-0, 5],
    [0, 6],
  ];
  assert.deepEqual(
    [...(await ask(pairs, (rdd) => rdd.collectAsMap(), 3))],
    [
      [["a"], 3],
      [{ a: 1, b: 2 }, 4],
      [0, 6],
    ],
  );
});

test("what is no pair is told so, by what counts and collects pairs", async () => {
  const noPairs = ["no pair"] as never as [string, number][];
  await assert.rejects(
    ask(noPairs, (rdd) => rdd.countByKey()),
    { code: "TASK_FAILED", message: /countByKey works on pairs .*; it got string/ },
  );
  await assert.rejects(
    ask([3] as never as [string, number][], (rdd) => rdd.lookup("x")),
    { code: "TASK_FAILED", message: /lookup works on pairs .*; it got number/ },
  );
  await assert.rejects(
    ask(noPairs, (rdd) => rdd.collectAsMap()),
    {
      message: /collectAsMap works on pairs .*; it got string/,
    },
  );
});

test("countByKey and countByValue compare by value, across partitions", async () => {
  const pairs: [unknown, number][] = [
    [{ a: 1, b: 2 }, 1],
    ["x", 2],
    [{ b: 2, a: 1 }, 3],
    ["x", 2],
  ];
  const byKey = await ask(pairs, (rdd) => rdd.countByKey(), 4);
  assert.deepEqual(
    [...byKey],
    [
      [{ a: 1, b: 2 }, 2],
      ["x", 2],
    ],
  );
  const byValue = await ask(pairs, (rdd) => rdd.countByValue(), 4);
  assert.deepEqual(
    [...byValue].map(([, n]) => n),
    [1, 2, 1],
  );
});

test("sum and stats", async () => {
  assert.equal(await ask([1, 2, 3.5], (rdd) => rdd.sum()), 6.5);
  assert.equal(await ask<number, number>([], (rdd) => rdd.sum()), 0);
  const stats = await ask([2, 4, 4, 4, 5, 5, 7, 9], (rdd) => rdd.stats());
  assert.deepEqual(stats, { count: 8, mean: 5, sum: 40, min: 2, max: 9, variance: 4, stdev: 2 });
  const none = await ask<number, unknown>([], (rdd) => rdd.stats());
  assert.deepEqual(none, {
    count: 0,
    mean: Number.NaN,
    sum: 0,
    min: Number.POSITIVE_INFINITY,
    max: Number.NEGATIVE_INFINITY,
    variance: Number.NaN,
    stdev: Number.NaN,
  });
});

test("stats of numbers far from zero lose no digits", async () => {
  const { mean, variance } = await ask(
    [1, 2, 3, 4].map((n) => n + 1e9),
    (rdd) => rdd.stats(),
  );
  assert.deepEqual([mean, variance], [1e9 + 2.5, 1.25]);
});

test("stats agree with the plain formulas, whatever the values and partitions", async () => {
  const values = fc.array(fc.integer({ min: -1000, max: 1000 }), { minLength: 1, maxLength: 30 });
  await fc.assert(
    fc.asyncProperty(values, fc.integer({ min: 1, max: 6 }), async (numbers, numPartitions) => {
      const stats = await ask(numbers, (rdd) => rdd.stats(), numPartitions);
      const mean = numbers.reduce((a, b) => a + b, 0) / numbers.length;
      const variance = numbers.reduce((a, b) => a + (b - mean) ** 2, 0) / numbers.length;
      assert(Math.abs(stats.mean - mean) < 1e-9 && Math.abs(stats.variance - variance) < 1e-6);
      assert.deepEqual(
        [stats.min, stats.max, stats.count],
        [Math.min(...numbers), Math.max(...numbers), numbers.length],
      );
    }),
    { numRuns: 30 },
  );
});

test("toLocalIterator and for await read one partition at a time", async () => {
  const computed: number[] = [];
  const taken = await runRdd(
    (ssc) =>
      ssc.parallelize(numbers(9), { numPartitions: 3 }).map((n) => {
        computed.push(n);
        return n;
      }),
    async (rdd) => {
      const seen: number[] = [];
      for await (const value of rdd) {
        seen.push(value);
        if (value === 4) break;
      }
      return seen;
    },
  );
  assert.deepEqual(taken, [0, 1, 2, 3, 4]);
  assert.deepEqual(computed, [0, 1, 2, 3, 4, 5], "the third partition was never asked for");
  const all = await ask(numbers(9), (rdd) => inOrder(rdd.toLocalIterator()));
  assert.deepEqual(all, numbers(9));
});

test("actions at the same time wait for each other, and compute a shuffle once", async () => {
  let moved = 0;
  const answers = await runRdd(
    (ssc) =>
      ssc
        .parallelize(numbers(4))
        .map((n) => {
          moved++;
          return n;
        })
        .repartition(2),
    (rdd) => Promise.all([rdd.count(), rdd.collect(), rdd.take(2)]),
  );
  assert.deepEqual(answers, [4, [0, 2, 1, 3], [0, 2]]);
  assert.equal(moved, 4);
});

test("an action that fails leaves the next one whole", async () => {
  let failing = true;
  const answers = await runRdd(
    (ssc) =>
      ssc
        .parallelize(numbers(4))
        .map((n) => {
          if (failing && n === 2) throw new Error("not yet");
          return n;
        })
        .repartition(1),
    async (rdd) => {
      const failed = await rdd.count().catch((error: Error) => error.message);
      failing = false;
      return [failed, await rdd.collect()];
    },
  );
  assert.match(String(answers[0]), /^map at actions\.test\.ts:\d+:\d+ failed: not yet$/);
  assert.deepEqual(answers[1], numbers(4));
});

test("an RDD is refused after its batch, whatever is asked", async () => {
  const kept: BatchRDD<number>[] = [];
  const refusals: unknown[] = [];
  await runGraph((ssc) => {
    ssc.queueStream([[1], [2]]).foreachRDD(async (rdd) => {
      kept.push(rdd);
      const [first] = kept;
      if (first === rdd) return;
      for (const act of [() => first!.count(), () => first!.take(1), () => inOrder(first!)]) {
        refusals.push(await act().catch((error: unknown) => error));
      }
      for (const look of [() => first!.offsetRanges(), () => first!.getNumPartitions()]) {
        try {
          look();
        } catch (error) {
          refusals.push(error);
        }
      }
    });
  });
  assert.equal(refusals.length, 5);
  for (const error of refusals) {
    assert(MillraceError.is(error, "ACTION_AFTER_BATCH"));
    assert.match(error.message, /asked for its data after its batch had ended/);
    assert.match(error.hint, /Keep the values you need/);
  }
});
