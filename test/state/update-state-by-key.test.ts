import assert from "node:assert/strict";
import { test } from "node:test";
import type { DStream } from "millrace";
import { runPipeline } from "millrace/testing";

type Pairs = DStream<[string, number]>;

const append = (values: number[], state: number[] | undefined) => [...(state ?? []), ...values];

test("Spark's own test: the values of a key are appended batch by batch", async () => {
  const batches = [0, 1, 2, 3, 4].map((i): [string, number][] => [["k", i]]);
  const result = await runPipeline(batches, (s: Pairs) => s.updateStateByKey<number[]>(append, { name: "lists" }));
  assert.deepEqual(result.flat(), [
    ["k", [0]],
    ["k", [0, 1]],
    ["k", [0, 1, 2]],
    ["k", [0, 1, 2, 3]],
    ["k", [0, 1, 2, 3, 4]],
  ]);
});

test("every key is visited in every batch, without values too, and undefined removes it", async () => {
  const visits: [number[], number | undefined][] = [];
  const countDown = (values: number[], state: number | undefined) => {
    visits.push([values, state]);
    const next = values[0] ?? (state ?? 0) - 1;
    return next > 0 ? next : undefined;
  };
  const batches: [string, number][][] = [[["a", 2]], [], [], []];
  const result = await runPipeline(batches, (s: Pairs) => s.updateStateByKey<number>(countDown, { name: "n" }));
  assert.deepEqual(result, [[["a", 2]], [["a", 1]], [], []]);
  assert.deepEqual(visits, [
    [[2], undefined],
    [[], 2],
    [[], 1],
  ]);
});

test("with onlyTouched a batch visits and emits the keys that have values", async () => {
  const batches: [string, number][][] = [
    [
      ["a", 1],
      ["b", 1],
    ],
    [["b", 2]],
    [],
  ];
  const options = { name: "lists", onlyTouched: true };
  const result = await runPipeline(batches, (s: Pairs) => s.updateStateByKey<number[]>(append, options));
  assert.deepEqual(result, [
    [
      ["a", [1]],
      ["b", [1]],
    ],
    [["b", [1, 2]]],
    [],
  ]);
});

test("initial keys are visited in the first batch, with the values they have there", async () => {
  const add = (values: number[], state: number | undefined) => values.reduce((a, b) => a + b, state ?? 0);
  const batches: [string, number][][] = [[["a", 1]], [["b", 1]]];
  const result = await runPipeline(batches, (s: Pairs, ssc) => {
    const initialState = ssc.parallelize<[string, number]>([
      ["a", 10],
      ["b", 20],
    ]);
    return s.updateStateByKey<number>(add, { name: "sums", initialState });
  });
  assert.deepEqual(
    result.map((batch) => batch.toSorted()),
    [
      [
        ["a", 11],
        ["b", 20],
      ],
      [
        ["a", 11],
        ["b", 21],
      ],
    ],
  );
});

test("options are checked", async () => {
  const wrong = (options: object) =>
    runPipeline([[]], (s: Pairs) => s.updateStateByKey<number[]>(append, options as never));
  await assert.rejects(wrong({ name: "a b" }), {
    code: "BAD_OPTION",
    message: /"name" must be letters, digits and dashes/,
  });
  await assert.rejects(wrong({ name: "a", initialState: [] }), { code: "BAD_OPTION", message: /must be an RDD/ });
  await assert.rejects(wrong({ name: "a", numPartition: 2 }), {
    code: "BAD_OPTION",
    message: /no option "numPartition"/,
  });
});
