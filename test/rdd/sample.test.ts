/** sample: a part of the values, decided by the seed, the partition and the place alone. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { JobContext, RDD } from "millrace";
import { runPipeline } from "millrace/testing";
import { runRdd } from "../helpers/run-rdd.ts";

const numbers = Array.from({ length: 10_000 }, (_, i) => i);
type SampleOptions = Parameters<RDD<number>["sample"]>[0];
const sampled = (options: SampleOptions, numPartitions = 2) =>
  runRdd(
    (ssc: JobContext) => ssc.parallelize(numbers, { numPartitions }).sample(options),
    (rdd) => rdd.collect(),
  );

test("a sample has about as many values as asked for, in their order, none twice", async () => {
  for (const [fraction, seed] of [
    [0.1, 1],
    [0.5, 2],
    [0.9, 3],
  ] as const) {
    const values = await sampled({ fraction, seed });
    assert(Math.abs(values.length - fraction * 10_000) < 200, `${values.length} for ${fraction}`);
    assert.deepEqual(
      values,
      [...new Set(values)].toSorted((a, b) => a - b),
    );
  }
  assert.deepEqual(await sampled({ fraction: 0 }), []);
  assert.deepEqual(await sampled({ fraction: 1 }), numbers);
});

test("the same seed gives the same sample, another seed and another partition another one", async () => {
  const first = await sampled({ fraction: 0.3, seed: 42 });
  assert.deepEqual(await sampled({ fraction: 0.3, seed: 42 }), first);
  assert.notDeepEqual(await sampled({ fraction: 0.3, seed: 43 }), first);
  assert.notDeepEqual(await sampled({ fraction: 0.3, seed: 42 + 2 ** 32 }), first);
  const second = first.filter((n) => n >= 5_000).map((n) => n - 5_000);
  assert.notDeepEqual(
    second,
    first.filter((n) => n < 5_000),
  );
});

test("with replacement a value may come several times", async () => {
  const values = await sampled({ fraction: 2, withReplacement: true, seed: 7 });
  assert(Math.abs(values.length - 20_000) < 500, `${values.length} for 2`);
  const times = Map.groupBy(values, (n) => n);
  const missing = 10_000 - times.size;
  // e^-2 of all.
  assert(Math.abs(missing - 1_353) < 150, `${missing} never came`);
  assert.deepEqual(await sampled({ fraction: 0, withReplacement: true }), []);
});

test("without a seed each batch has a sample of its own", async () => {
  const batch = numbers.slice(0, 1_000);
  const [first, second] = await runPipeline([batch, batch], (stream) =>
    stream.transform((rdd) => rdd.sample({ fraction: 0.5 })),
  );
  assert.notDeepEqual(first, second);
});

test("a fraction that makes no sense is refused", async () => {
  await assert.rejects(sampled({ fraction: 1.5 }), {
    code: "BAD_OPTION",
    message: /"fraction" must be a number from 0 to 1/,
  });
  await assert.rejects(sampled({ fraction: -1, withReplacement: true }), { code: "BAD_OPTION" });
  await assert.rejects(sampled({} as never), { code: "BAD_OPTION", message: /sample needs a fraction/ });
});
