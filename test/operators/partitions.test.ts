/** Where records are, and per-batch choices: union, repartition, transform. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type BatchRDD, MillraceError } from "millrace";
import { runPipeline } from "millrace/testing";
import { runBatch, runGraph } from "../helpers/run-graph.ts";

const numbers = (count: number) => Array.from({ length: count }, (_, i) => i);

test("union is the partitions of all, one after the other", async () => {
  const outputs: unknown[] = [];
  await runGraph((ssc) => {
    const a = ssc.queueStream([[1, 2], [5]], { numPartitions: 2 });
    const b = ssc.queueStream([[3], [6]]);
    a.union(b, a)
      .glom()
      .foreachRDD(async (rdd) => {
        outputs.push([rdd.getNumPartitions(), await rdd.collect()]);
      });
    ssc.union(b, a).foreachRDD(async (rdd) => {
      outputs.push(await rdd.collect());
    });
  });
  assert.deepEqual(outputs, [
    [5, [[1], [2], [3], [1], [2]]],
    [3, 1, 2],
    [5, [[], [5], [6], [], [5]]],
    [6, 5],
  ]);
});

test("streams of different lengths go on until the longest is empty", async () => {
  const outputs = await runPipeline({ a: [[1]], b: [[10], [20], [30]] }, ({ a, b }) => a.union(b));
  assert.deepEqual(outputs, [[1, 10], [20], [30]]);
});

test("repartition spreads evenly and loses nothing", async () => {
  const parts = await runBatch(numbers(10), (stream) => stream.repartition(4).glom(), { numPartitions: 3 });
  assert.deepEqual(parts.map(({ length }) => length).toSorted(), [2, 2, 3, 3]);
  assert.deepEqual(
    parts.flat().toSorted((a, b) => a - b),
    numbers(10),
  );
});

test("repartition to fewer keeps all, more than travel at once", async () => {
  const [only] = await runBatch(numbers(50_000), (stream) => stream.repartition(1).glom(), { numPartitions: 4 });
  assert.deepEqual(only, numbers(50_000));
});

test("partition counts that are none are refused", async () => {
  for (const count of [0, 1.5, -1, 10_001, "2"]) {
    await assert.rejects(
      runBatch([1], (stream) => stream.repartition(count as number)),
      { code: "BAD_OPTION", message: /"numPartitions" must be a whole number from 1 to 10000/ },
    );
  }
});

test("transform chooses operations for each batch, and gets its time", async () => {
  const outputs = await runPipeline(
    [
      [1, 2, 3],
      [4, 5, 6],
    ],
    (stream) =>
      stream.transform((rdd, time) =>
        time === 1_000 ? rdd.filter((n) => n > 1) : rdd.repartition(2).map((n) => n * 10 + time / 1_000),
      ),
  );
  assert.deepEqual(
    outputs.map((output) => output.toSorted()),
    [
      [2, 3],
      [42, 52, 62],
    ],
  );
});

test("transform inside a chain with shuffles before and after", async () => {
  const [output] = await runPipeline([["b", "a", "b", "c"]], (words) =>
    words
      .countByValue()
      .transform((rdd) => rdd.filter(([, n]) => n > 1).union(rdd.filter(([, n]) => n === 1)))
      .map(([word, n]) => [n, word])
      .groupByKey()
      .mapValues((group) => group.toSorted()),
  );
  assert.deepEqual(
    new Map(output),
    new Map([
      [2, ["b"]],
      [1, ["a", "c"]],
    ]),
  );
});

test("transform that returns no RDD is refused, an async one with the cure", async () => {
  await assert.rejects(
    runBatch([1], (stream) => stream.transform((() => undefined) as never)),
    { code: "BAD_OPTION", message: /^The function given to transform at partitions\.test\.ts:\d+:\d+ returned no RDD/ },
  );
  await assert.rejects(
    runBatch([1], (stream) => stream.transform((async (rdd: unknown) => rdd) as never)),
    { code: "BAD_OPTION", hint: /must not be async/ },
  );
});

test("transform that throws fails the batch and names itself", async () => {
  await assert.rejects(
    runBatch([1], (stream) =>
      stream.transform(() => {
        throw new Error("no plan");
      }),
    ),
    (error) => {
      assert(MillraceError.is(error));
      assert.match(error.message, /transform at partitions\.test\.ts:\d+:\d+ failed: no plan/);
      assert.equal((error.cause as Error).message, "no plan");
      return true;
    },
  );
});

test("an action inside transform is refused, also when nobody awaits it", async () => {
  const actions: Record<string, (rdd: BatchRDD<number>) => unknown> = {
    count: (rdd) => rdd.count(),
    collect: (rdd) => rdd.collect(),
    iterator: (rdd) => rdd.toLocalIterator(),
  };
  for (const [name, act] of Object.entries(actions)) {
    await assert.rejects(
      runBatch([1], (stream) =>
        stream.transform((rdd) => {
          act(rdd);
          return rdd;
        }),
      ),
      { code: "ACTION_IN_TRANSFORM", hint: /foreachRDD or onDriver/ },
      name,
    );
  }
});

test("inside transform the plan can be looked at: how many partitions an RDD has", async () => {
  const values = await runBatch(
    [1, 2, 3],
    (stream) =>
      stream.transform((rdd) => {
        const counts = [rdd.getNumPartitions(), rdd.repartition(5).getNumPartitions(), rdd.offsetRanges().length];
        return rdd.map(() => counts.join());
      }),
    { numPartitions: 3 },
  );
  assert.deepEqual(values, ["3,5,0", "3,5,0", "3,5,0"]);
});

test("an action in the build function is refused in the same way", async () => {
  await assert.rejects(
    runGraph((ssc) => {
      void ssc.parallelize([1]).count();
      ssc.onDriver(() => {});
    }),
    { code: "ACTION_IN_TRANSFORM" },
  );
});
