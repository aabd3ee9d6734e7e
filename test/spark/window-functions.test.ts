/** Spark's WindowFunctionTests: its inputs and numbers, in this process and on threads. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { DStream } from "millrace";
import { runPipeline } from "millrace/testing";
import { testFlows } from "./run-flows.ts";

testFlows("windowFunctions");

test("reduce_by_invalid_window: windows and slides that are no multiple of the interval are refused when they are written", async () => {
  for (const [window, slide] of [
    [100, 100],
    [1_000, 100],
  ] as const) {
    const reduce = (s: DStream<number>) =>
      s.map((x) => [x, 1]).reduceByKeyAndWindow((a, b) => a + b, { name: "sums", window, slide });
    await assert.rejects(runPipeline([[1]], reduce, { batchInterval: 500 }), {
      code: "BAD_OPTION",
      message: /is no multiple of the batch interval/,
    });
  }
});
