import assert from "node:assert/strict";
import { test } from "node:test";
import { parseRunArguments } from "../../src/cli/run-options.ts";
import { assertRefused } from "../helpers/assert-error.ts";

const engine = (...args: string[]) => parseRunArguments(["job.ts", ...args]).engine;

test("rates of the command line are options of the engine", () => {
  const { maxRatePerPartition, minRatePerPartition, backpressure } = engine();
  assert.deepEqual([maxRatePerPartition, minRatePerPartition, backpressure], [undefined, undefined, undefined]);
  const limits = engine("--max-rate-per-partition", "50", "--min-rate-per-partition", "5", "--backpressure");
  assert.deepEqual([limits.maxRatePerPartition, limits.minRatePerPartition, limits.backpressure], [50, 5, true]);
  assert.deepEqual(engine("--initial-rate", "300").backpressure, { initialRate: 300 });
  assert.deepEqual(engine("--backpressure", "--initial-rate", "300").backpressure, { initialRate: 300 });
});

test("a rate of the command line is a whole number", async () => {
  await assertRefused(
    () => engine("--initial-rate", "fast"),
    "BAD_OPTION",
    /--initial-rate takes a whole number, not "fast"/,
    /millrace help/,
  );
});

test("batches to replay are named by their numbers, as often as needed", async () => {
  assert.equal(engine().replay, undefined);
  assert.deepEqual(engine("--replay", "5", "--replay", "7").replay, [5, 7]);
  await assertRefused(
    () => engine("--replay", "all"),
    "BAD_OPTION",
    /--replay takes a whole number, not "all"/,
    /millrace help/,
  );
});
