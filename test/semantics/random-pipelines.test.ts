/** Whatever is asked for, the engine gives what the model says: random pipelines over random batches. SEED=... PIPELINES=5000 runs more. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { runJob } from "millrace";
import { runPipeline } from "millrace/testing";
import { rushingClock } from "../helpers/rushing-clock.ts";
import job, { results } from "./job.ts";
import { batchCount, build, cases } from "./pipelines.ts";
import { textOf } from "./values.ts";

const seed = Number(process.env.SEED ?? Date.now() % 1_000_000_000);
const numRuns = Number(process.env.PIPELINES ?? 40);
const ON_THREADS = 20;

const noBatches = Array.from({ length: batchCount }, () => []);
const textsOf = (batches: readonly (readonly unknown[])[]) => batches.map((values) => values.map(textOf).sort());

test(`a pipeline gives what the model gives, SEED=${seed}`, async () => {
  const property = fc.asyncProperty(cases, async (given) => {
    let expected: readonly (readonly string[])[] = [];
    const outputs = await runPipeline(noBatches, (_, ssc) => {
      const built = build(given, ssc, "state");
      expected = built.expected;
      return built.stream;
    });
    assert.deepEqual(textsOf(outputs), expected);
  });
  await fc.assert(property, { numRuns, seed });
});

test(`so it does on threads, SEED=${seed}`, async () => {
  const clock = rushingClock(batchCount * 1_000);
  const params = { seed, count: Math.max(ON_THREADS, Math.floor(numRuns / 50)) };
  const running = await runJob(job, { master: "local[2]", params, clock, signal: clock.over });
  await running.awaitTermination();
  assert.equal(results.size, params.count);
  for (const { given, expected, outputs } of results.values()) {
    assert.deepEqual(textsOf(outputs), expected, JSON.stringify(given));
  }
});
