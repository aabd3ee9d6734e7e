import assert from "node:assert/strict";
import { test } from "node:test";
import { runPipeline } from "millrace/testing";

test("each batch gives one list of outputs, empty batches at the end included", async () => {
  const outputs = await runPipeline([[], [1, 2], [], [3], []], (numbers) => numbers.map((n) => n * 10));
  assert.deepEqual(outputs, [[], [10, 20], [], [30], []]);
  assert.deepEqual(await runPipeline([], (nothing) => nothing), []);
});

test("batch times are multiples of the interval, the first batch is at the interval itself", async () => {
  const times = new Set<number>();
  await runPipeline(
    [[1], [], [2]],
    (numbers) =>
      numbers.transform((rdd, time) => {
        times.add(time);
        return rdd;
      }),
    { batchInterval: "5m" },
  );
  assert.deepEqual([...times], [300_000, 600_000, 900_000]);
});

test("several inputs have names, and the shorter ones go on with empty batches", async () => {
  const outputs = await runPipeline({ views: [["a"], ["b"]], clicks: [[1], [2], [3]] }, ({ views, clicks }) =>
    clicks.map(String).union(views),
  );
  assert.deepEqual(outputs, [["1", "a"], ["2", "b"], ["3"]]);
});

test("values are read once, whatever can be iterated", async () => {
  const generated = (function* () {
    yield "c";
  })();
  assert.deepEqual(await runPipeline([new Set(["a", "b"]), generated], (letters) => letters), [["a", "b"], ["c"]]);
});

test("pairs keep their types, and the context is there for what a piece of a graph needs besides its stream", async () => {
  const outputs = await runPipeline(
    [
      [
        ["a", 1],
        ["a", 2],
      ],
    ],
    (pairs, ssc) => pairs.reduceByKey((a, b) => a + b).union(ssc.queueStream<[string, number]>([[["b", 5]]])),
  );
  const typed: [string, number][][] = outputs;
  assert.deepEqual(typed, [
    [
      ["a", 3],
      ["b", 5],
    ],
  ]);
});

test("numPartitions cuts the batches", async () => {
  assert.deepEqual(await runPipeline([[1, 2, 3]], (numbers) => numbers.glom(), { numPartitions: 2 }), [[[1], [2, 3]]]);
});

test("what fails in the pipeline rejects, with the operator's place", async () => {
  await assert.rejects(
    runPipeline([[1]], (numbers) =>
      numbers.map(() => {
        throw new Error("no");
      }),
    ),
    { code: "TASK_FAILED", message: /^map at run-pipeline\.test\.ts:\d+:\d+ failed: no$/ },
  );
});

test("options that are wrong are refused, and so is a pipeline without a stream", async () => {
  const numbers = [[1]];
  await assert.rejects(
    runPipeline(numbers, (s) => s, { interval: "1s" } as never),
    { code: "BAD_OPTION", message: /runPipeline has no option "interval"/ },
  );
  await assert.rejects(
    runPipeline(numbers, (s) => s, { numPartitions: 0 }),
    { code: "BAD_OPTION", message: /runPipeline: "numPartitions"/ },
  );
  await assert.rejects(
    runPipeline([[1], 2] as never, (s) => s),
    { code: "BAD_OPTION", message: "Batch 1 given to runPipeline is number, not a list of values." },
  );
  await assert.rejects(runPipeline(numbers, (() => undefined) as never), {
    code: "BAD_OPTION",
    message: "The function given to runPipeline returned undefined, not a stream.",
  });
});
