/** The whole batch at once: count, reduce, countByValue. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { runPipeline } from "millrace/testing";
import { runBatch } from "../helpers/run-graph.ts";

test("count gives one number a batch, whatever the partitions, and zero for an empty batch", async () => {
  const outputs = await runPipeline([[], [1, 2, 3], [4]], (numbers) => numbers.count(), { numPartitions: 3 });
  assert.deepEqual(outputs, [[0], [3], [1]]);
});

test("reduce gives one value a batch, and none for an empty batch", async () => {
  const add = (a: number, b: number) => a + b;
  const outputs = await runPipeline([[], [1, 2, 3], [4]], (numbers) => numbers.reduce(add), { numPartitions: 2 });
  assert.deepEqual(outputs, [[], [6], [4]]);
});

test("reduce folds from left to right, partition after partition", async () => {
  const letters = [..."abcdefg"];
  const folded = await runBatch(letters, (stream) => stream.reduce((a, b) => a + b), { numPartitions: 3 });
  assert.deepEqual(folded, ["abcdefg"]);
});

test("countByValue counts each value once per batch, and compares by value", async () => {
  const outputs = await runPipeline(
    [
      [
        { a: 1, b: [2] },
        { b: [2], a: 1 },
        { a: 2, b: [2] },
      ],
      [{ a: 1, b: [2] }],
    ],
    (values) => values.countByValue(),
    { numPartitions: 2 },
  );
  const sorted = outputs.map((output) => output.toSorted(([a], [b]) => a.a - b.a));
  assert.deepEqual(sorted[0], [
    [{ a: 1, b: [2] }, 2],
    [{ a: 2, b: [2] }, 1],
  ]);
  assert.deepEqual(sorted[1], [[{ a: 1, b: [2] }, 1]]);
});

test("an async function given to reduce is refused", async () => {
  const later = (async (a: number) => a) as never;
  for (const numPartitions of [1, 2]) {
    await assert.rejects(
      runBatch([1, 2], (numbers) => numbers.reduce(later), { numPartitions }),
      { code: "ASYNC_FUNCTION", message: /given to reduce at whole-batch\.test\.ts:\d+:\d+ returned a promise/ },
    );
  }
});

test("an error in reduce names it, in the first pass and in the second", async () => {
  const fails = () => {
    throw new Error("overflow");
  };
  for (const numPartitions of [1, 2]) {
    await assert.rejects(
      runBatch([1, 2], (numbers) => numbers.reduce(fails), { numPartitions }),
      { code: "TASK_FAILED", message: /^reduce at whole-batch\.test\.ts:\d+:\d+ failed: overflow$/ },
    );
  }
});
