/** Two streams by key: cogroup and the joins. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type DStream, defineJob, type JobContext, runJob, type ShuffleOptions } from "millrace";
import { runPipeline } from "millrace/testing";
import { canonicalKey } from "../../src/shuffle/key.ts";

type Pairs<V> = readonly (readonly [unknown, V])[];
type Sides = [left: Pairs<number>, right: Pairs<string>];
type Join<U> = (
  left: DStream<readonly [unknown, number]>,
  right: DStream<readonly [unknown, string]>,
  options?: ShuffleOptions<unknown>,
) => DStream<U>;

/** Runs one batch for each element: its left and its right side. */
function runSides<U>(batches: readonly Sides[], pipeline: Join<U>, numPartitions = [1, 1]): Promise<U[][]> {
  const rights = batches.map(([, right]) => right);
  return runPipeline(
    batches.map(([left]) => left),
    (left, ssc) => pipeline(left, ssc.queueStream(rights, { numPartitions: numPartitions[1]! })),
    { numPartitions: numPartitions[0]! },
  );
}

const one: Sides = [
  [
    ["a", 1],
    ["b", 2],
  ],
  [
    ["b", "3"],
    ["c", "4"],
  ],
];

test("join gives the pairs whose keys are on both sides, the outer joins also what has no partner", async () => {
  assert.deepEqual(await runSides([one], (l, r) => l.join(r)), [[["b", [2, "3"]]]]);
  assert.deepEqual(await runSides([one], (l, r) => l.leftOuterJoin(r)), [
    [
      ["a", [1, undefined]],
      ["b", [2, "3"]],
    ],
  ]);
  assert.deepEqual(await runSides([one], (l, r) => l.rightOuterJoin(r)), [
    [
      ["b", [2, "3"]],
      ["c", [undefined, "4"]],
    ],
  ]);
  assert.deepEqual(await runSides([one], (l, r) => l.fullOuterJoin(r)), [
    [
      ["a", [1, undefined]],
      ["b", [2, "3"]],
      ["c", [undefined, "4"]],
    ],
  ]);
});

test("cogroup gives all values of both sides for each key, the keys of the left side first", async () => {
  const batches: Sides[] = [
    [
      [
        [1, 1],
        [2, 1],
        [1, 2],
      ],
      [
        [3, "x"],
        [1, "y"],
      ],
    ],
    [[], [[4, "z"]]],
    [[], []],
  ];
  assert.deepEqual(await runSides(batches, (l, r) => l.cogroup(r)), [
    [
      [1, [[1, 2], ["y"]]],
      [2, [[1], []]],
      [3, [[], ["x"]]],
    ],
    [[4, [[], ["z"]]]],
    [],
  ]);
});

test("keys are equal by value, also between two streams", async () => {
  const sides: Sides = [
    [
      [{ a: 1, b: [new Date(5)] }, 1],
      [["NL", 2024], 2],
    ],
    [
      [["NL", 2024], "x"],
      [{ b: [new Date(5)], a: 1 }, "y"],
    ],
  ];
  const joined = await runSides([sides], (l, r) => l.join(r).map(([, values]) => values), [2, 3]);
  assert.deepEqual(
    joined[0]!.toSorted(([a], [b]) => a - b),
    [
      [1, "y"],
      [2, "x"],
    ],
  );
});

test("a value that is undefined is a value: what has a partner is told apart from what has none", async () => {
  const [joined] = await runPipeline([[["a", undefined]]] as [string, undefined][][], (left, ssc) =>
    left.fullOuterJoin(ssc.queueStream<[string, undefined]>([[["a", undefined]]])),
  );
  assert.deepEqual(joined, [["a", [undefined, undefined]]]);
});

test("there are as many partitions as the larger side has, or as many as asked for", async () => {
  const parts = async (numPartitions: number[], options = {}) =>
    (await runSides([one], (l, r) => l.join(r, options).glom(), numPartitions))[0]!.length;
  assert.equal(await parts([2, 5]), 5);
  assert.equal(await parts([5, 2]), 5);
  assert.equal(await parts([2, 2]), 2);
  assert.equal(await parts([2, 5], { numPartitions: 3 }), 3);
});

test("a partitioner places the keys of both sides", async () => {
  const options = { numPartitions: 2, partitioner: (key: unknown) => (key === "b" ? 1 : 0) };
  assert.deepEqual(await runSides([one], (l, r) => l.fullOuterJoin(r, options).glom(), [2, 3]), [
    [
      [
        ["a", [1, undefined]],
        ["c", [undefined, "4"]],
      ],
      [["b", [2, "3"]]],
    ],
  ]);
});

test("a stream can be joined with itself", async () => {
  const [squares] = await runPipeline(
    [
      [
        ["a", 1],
        ["a", 2],
      ],
    ],
    (stream: DStream<[string, number]>) => stream.join(stream).map(([, values]) => values),
  );
  assert.deepEqual(squares, [
    [1, 1],
    [1, 2],
    [2, 1],
    [2, 2],
  ]);
});

test("a large product is handed on in chunks, and arrives whole", async () => {
  const many: Sides = [
    Array.from({ length: 300 }, (_, i): [string, number] => ["k", i]),
    Array.from({ length: 300 }, (_, i): [string, string] => ["k", String(i)]),
  ];
  const [counted] = await runSides([many], (l, r) => l.join(r).count(), [3, 2]);
  assert.deepEqual(counted, [90_000]);
  let largest = 0;
  await runSides([many], (l, r) =>
    l.join(r).mapPartitions(async function* (partition) {
      for await (const chunk of partition.chunks()) largest = Math.max(largest, chunk.length);
      yield 0;
    }),
  );
  assert(largest <= 4096, `a chunk of ${largest}`);
});

const key = fc.oneof(
  fc.constantFrom("a", "b", "a longer key of many characters", 1, 2, null, true),
  fc.constantFrom<unknown>(["a", 1], { x: 1, y: 2 }, { y: 2, x: 1 }, [1, "a"]),
);
const sides = fc.tuple(
  fc.array(fc.tuple(key, fc.nat(9)), { maxLength: 30 }),
  fc.array(
    fc.tuple(
      key,
      fc.nat(9).map((n) => `r${n}`),
    ),
    { maxLength: 30 },
  ),
);

const sameKey = (a: unknown, b: unknown) => (canonicalKey(a) ?? a) === (canonicalKey(b) ?? b);
/** What a join must give, in the plainest way there is. */
function joinModel([left, right]: Sides, keepLeft: boolean, keepRight: boolean): unknown[] {
  const matched = left.flatMap(([k, v]) => {
    const partners = right.filter(([other]) => sameKey(k, other)).map(([, w]): unknown[] => [k, [v, w]]);
    return partners.length > 0 || !keepLeft ? partners : [[k, [v, undefined]]];
  });
  const first = (k: unknown) => right.findIndex(([other]) => sameKey(k, other));
  // Equal keys one after the other.
  const alone = right
    .filter(([k]) => !left.some(([other]) => sameKey(k, other)))
    .toSorted(([a], [b]) => first(a) - first(b));
  return [...matched, ...(keepRight ? alone.map(([k, w]) => [k, [undefined, w]]) : [])];
}
function cogroupModel([left, right]: Sides): unknown[] {
  const keys = [...left, ...right].map(([k]) => k).filter((k, i, all) => all.findIndex((o) => sameKey(o, k)) === i);
  const of = <V>(side: Pairs<V>, k: unknown) => side.filter(([other]) => sameKey(k, other)).map(([, v]) => v);
  return keys.map((k) => [k, [of(left, k), of(right, k)]]);
}
/** Equal keys may be written differently; the order across partitions is that of the partitions. */
const sorted = (pairs: readonly unknown[]) =>
  pairs
    .map((pair) => [canonicalKey((pair as [unknown])[0]) ?? (pair as [unknown])[0], (pair as unknown[])[1]])
    .map((pair) => JSON.stringify(pair))
    .sort();

const shapes: readonly (readonly [string, Join<unknown>, (sides: Sides) => unknown[]])[] = [
  ["join", (l, r, options) => l.join(r, options), (s) => joinModel(s, false, false)],
  ["leftOuterJoin", (l, r, options) => l.leftOuterJoin(r, options), (s) => joinModel(s, true, false)],
  ["rightOuterJoin", (l, r, options) => l.rightOuterJoin(r, options), (s) => joinModel(s, false, true)],
  ["fullOuterJoin", (l, r, options) => l.fullOuterJoin(r, options), (s) => joinModel(s, true, true)],
  ["cogroup", (l, r, options) => l.cogroup(r, options), cogroupModel],
];
for (const [name, pipeline, model] of shapes) {
  test(`${name} gives what the model gives, whatever the keys, batches and partitions`, async () => {
    const parts = fc.integer({ min: 1, max: 4 });
    await fc.assert(
      fc.asyncProperty(fc.array(sides, { minLength: 1, maxLength: 3 }), parts, parts, async (batches, l, r) => {
        const outputs = await runSides(batches, pipeline, [l, r]);
        assert.deepEqual(
          outputs.map(sorted),
          batches.map((batch) => sorted(model(batch))),
        );
      }),
      { numRuns: 30 },
    );
  });

  test(`${name} in one partition keeps the order of both sides, whatever partitions they come from`, async () => {
    const parts = fc.integer({ min: 1, max: 4 });
    await fc.assert(
      fc.asyncProperty(sides, parts, parts, async (batch, l, r) => {
        const [output] = await runSides([batch], (left, right) => pipeline(left, right, { numPartitions: 1 }), [l, r]);
        assert.deepEqual(output, model(batch));
      }),
      { numRuns: 20 },
    );
  });
}

test("a join after a repartition, and of what a shuffle gave", async () => {
  const [output] = await runSides(
    [one],
    (l, r) =>
      l
        .repartition(3)
        .reduceByKey((a, b) => a + b)
        .leftOuterJoin(r.repartition(2).groupByKey()),
    [2, 2],
  );
  assert.deepEqual(
    sorted(output!),
    sorted([
      ["a", [1, undefined]],
      ["b", [2, ["3"]]],
    ]),
  );
});

test("a window and a state are joined as any stream is", async () => {
  const visits: [string, number][][] = [[["a", 1]], [["b", 2]], [["a", 3]]];
  const outputs = await runPipeline(
    {
      visits,
      names: [
        [["a", "Ann"]],
        [
          ["a", "Ann"],
          ["b", "Bob"],
        ],
        [],
      ] as [string, string][][],
    },
    ({ visits, names }) => {
      const total = visits.updateStateByKey<number>((values, sum = 0) => values.reduce((a, b) => a + b, sum), {
        name: "totals",
      });
      return visits.join(names.window("2s")).leftOuterJoin(total);
    },
    { batchInterval: "1s" },
  );
  assert.deepEqual(outputs, [[["a", [[1, "Ann"], 1]]], [["b", [[2, "Bob"], 2]]], [["a", [[3, "Ann"], 4]]]]);
});

test("a join with what is no stream is refused where it is written", () => {
  const build = (ssc: JobContext) => {
    ssc
      .queueStream<[string, number]>([])
      .join(undefined as never)
      .pprint();
  };
  return assert.rejects(async () => runJob(defineJob({ appName: "t", batchInterval: 20, master: "local" }, build)), {
    code: "BAD_OPTION",
    message: /join takes another stream or RDD; it got undefined/,
  });
});
