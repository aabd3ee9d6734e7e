/** The demo says that nothing is missing or doubled only where that is so. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Evidence, resultOf } from "../../examples/page-views/result.ts";
import { Tally } from "../../examples/page-views/tally.ts";
import { batchInfo } from "./batch-info.ts";

function evidence(changes: Partial<Evidence> = {}): Evidence {
  const tally = new Tally(1_700_000_000_000);
  tally.onBatchCompleted(batchInfo(1, [[0, 3], [0, 0]])); // biome-ignore format: offsets read as a table
  tally.onBatchCompleted(batchInfo(2, [[3, 4], [0, 1]])); // biome-ignore format: offsets read as a table
  return {
    asked: 5,
    before: 0,
    kills: 0,
    fed: { produced: 5, perCountry: { US: 2, IN: 3 } },
    counted: new Map([["US", 2], ["IN", 3]]), // biome-ignore format: counts read as a table
    tally,
    executors: 2,
    ...changes,
  };
}

test("when all agree there is no problem, and the ranges of all batches are one per partition", () => {
  const { problems, processed, batches, perCountry, ranges, seconds } = resultOf(evidence());
  assert.deepEqual(problems, []);
  assert.deepEqual({ processed, batches, seconds }, { processed: 5, batches: 2, seconds: 2.045 });
  assert.deepEqual(Object.entries(perCountry), [["IN", 3], ["US", 2]]); // biome-ignore format: counts read as a table
  assert.deepEqual(ranges, [
    { topic: "page-views", partition: 0, fromOffset: 0, untilOffset: 4 },
    { topic: "page-views", partition: 1, fromOffset: 0, untilOffset: 1 },
  ]);
});

test("a lost record does not hide behind a doubled one", () => {
  const { problems } = resultOf(evidence({ counted: new Map([["US", 1], ["IN", 4]]) })); // biome-ignore format: counts read as a table
  assert.deepEqual(problems, ["US: 2 views were written, 1 were counted", "IN: 3 views were written, 4 were counted"]);
});

test("a country that nobody wrote is a problem", () => {
  const { problems } = resultOf(evidence({ counted: new Map([["US", 2], ["IN", 3], ["XX", 1]]) })); // biome-ignore format: counts read as a table
  assert.deepEqual(problems, ["XX: 0 views were written, 1 were counted"]);
});

test("fewer page views than were asked for are a problem", () => {
  const { problems } = resultOf(evidence({ asked: 6 }));
  assert.deepEqual(problems, ["6 views were asked for, 5 were written"]);
});

test("offsets that were read twice or not at all are a problem", () => {
  const { tally, ...rest } = evidence();
  tally.onBatchCompleted(batchInfo(3, [[3, 4], [2, 2]])); // biome-ignore format: offsets read as a table
  assert.deepEqual(resultOf({ tally, ...rest }).problems, [
    "partition 0: read to 4, then from 3",
    "partition 1: read to 1, then from 2",
    "5 views were written, the offset ranges hold 6",
  ]);
});

test("a batch that failed does not count", () => {
  const { tally } = evidence();
  const failed = batchInfo(3, [[4, 9], [1, 1]]); // biome-ignore format: offsets read as a table
  tally.onBatchCompleted({ ...failed, outputs: [{ ...failed.outputs[0]!, failure: new Error("x") as never }] });
  assert.deepEqual([tally.batches, tally.records], [2, 5]);
});
