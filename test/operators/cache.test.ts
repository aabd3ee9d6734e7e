/** cache and persist: computed once a batch. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { DStream } from "millrace";
import { runGraph } from "../helpers/run-graph.ts";

/** Counts how often a value passes. */
function counter() {
  const calls: number[] = [];
  const count = (n: number) => {
    calls.push(n);
    return n;
  };
  return { calls, count };
}

async function threeActions(prepare: (stream: DStream<number>) => DStream<number>): Promise<number[][]> {
  const outputs: number[][] = [];
  await runGraph((ssc) => {
    prepare(
      ssc.queueStream(
        [
          [1, 2, 3],
          [4, 5],
        ],
        { numPartitions: 2 },
      ),
    ).foreachRDD(async (rdd) => {
      outputs.push(await rdd.collect(), [await rdd.count()], await rdd.take(1));
    });
  });
  return outputs;
}

const expected = [[1, 2, 3], [3], [1], [4, 5], [2], [4]];

test("without cache each action computes anew", async () => {
  const { calls, count } = counter();
  assert.deepEqual(await threeActions((stream) => stream.map(count)), expected);
  assert.deepEqual(calls, [1, 2, 3, 1, 2, 3, 1, 4, 5, 4, 5, 4]);
});

for (const method of ["cache", "persist"] as const) {
  test(`${method} computes each batch once, for all actions`, async () => {
    const { calls, count } = counter();
    assert.deepEqual(await threeActions((stream) => stream.map(count)[method]()), expected);
    assert.deepEqual(calls, [1, 2, 3, 4, 5]);
  });
}

test("several outputs and a shuffle share a cached stream", async () => {
  const { calls, count } = counter();
  const seen: unknown[] = [];
  await runGraph((ssc) => {
    const cached = ssc
      .queueStream([[1, 2, 3]])
      .map(count)
      .cache();
    cached.foreachRDD(async (rdd) => {
      seen.push(await rdd.collect());
    });
    cached
      .map((n) => [n % 2, n])
      .reduceByKey((a, b) => a + b)
      .foreachRDD(async (rdd) => {
        seen.push(await rdd.collectAsMap());
      });
    cached.foreachPartition(async (partition) => {
      for await (const n of partition) seen.push(n);
    });
  });
  assert.deepEqual(calls, [1, 2, 3]);
  assert.deepEqual(seen, [
    1,
    2,
    3,
    [1, 2, 3],
    new Map([
      [1, 4],
      [0, 2],
    ]),
  ]);
});

test("what a shuffle moved is kept for the batch without cache", async () => {
  const { calls, count } = counter();
  await runGraph((ssc) => {
    ssc
      .queueStream([[1, 2, 3]])
      .map(count)
      .repartition(2)
      .foreachRDD(async (rdd) => {
        await rdd.collect();
        await rdd.count();
      });
  });
  assert.deepEqual(calls, [1, 2, 3]);
});

test("a take that needs little leaves a cache whole", async () => {
  const seen: unknown[] = [];
  await runGraph((ssc) => {
    ssc
      .queueStream([[1, 2, 3, 4]], { numPartitions: 2 })
      .cache()
      .foreachRDD(async (rdd) => {
        seen.push(await rdd.take(1), await rdd.collect());
      });
  });
  assert.deepEqual(seen, [[1], [1, 2, 3, 4]]);
});

test("a take leaves whole what is shuffled in the same pass", async () => {
  const seen: unknown[] = [];
  await runGraph((ssc) => {
    const pairs = ssc.queueStream([
      [
        ["a", 1],
        ["b", 2],
        ["c", 3],
      ] as [string, number][],
    ]);
    pairs.union(pairs.reduceByKey((a, b) => a + b)).foreachRDD(async (rdd) => {
      seen.push(await rdd.take(1), await rdd.count());
    });
  });
  assert.deepEqual(seen, [[["a", 1]], 6]);
});

test("a cached RDD outside of batches is computed once for the whole job", async () => {
  const { calls, count } = counter();
  const seen: unknown[] = [];
  await runGraph((ssc) => {
    const rdd = ssc.parallelize([1, 2]).map(count).cache();
    ssc.onDriver(async () => {
      seen.push(await rdd.collect(), await rdd.count());
    });
  });
  assert.deepEqual(
    [seen, calls],
    [
      [[1, 2], 2],
      [1, 2],
    ],
  );
});
