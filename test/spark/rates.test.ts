/** Spark's PIDRateEstimatorSuite, and how its DirectKafkaStreamSuite divides a rate among partitions: their numbers. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { PidRateEstimator } from "../../src/driver/rate/pid-rate-estimator.ts";
import { clamp } from "../../src/kafka/clamp.ts";
import { range } from "./flow.ts";

const estimator = (integral: number, minRate: number) =>
  new PidRateEstimator({ initialRate: 1000, proportional: 1, integral, derived: 0, minRate }, 20);

/** What fifty batches of 20 ms say, each processed in 20 ms. */
const fifty = (pid: PidRateEstimator, recordsOf: (i: number) => number, delayOf: (i: number) => number) =>
  range(50).map((i) =>
    pid.compute({ time: i * 20, records: recordsOf(i), processingDelay: 20, schedulingDelay: delayOf(i) }),
  );

test("a rate is never less than the least one, however late batches are", () => {
  const rates = fifty(
    estimator(1, 5),
    () => 1,
    () => 100,
  );
  assert.deepEqual(rates, [undefined, ...Array(49).fill(5)]);
});

test("a rate without delays follows the speed of processing, up and down", () => {
  const up = fifty(
    estimator(1, 10),
    (i) => (i + 1) * 20,
    () => 0,
  );
  assert.deepEqual(up, [undefined, ...range(2, 51).map((n) => n * 1000)]);
  const down = fifty(
    estimator(1, 10),
    (i) => (50 - i) * 20,
    () => 0,
  );
  assert.deepEqual(down, [undefined, ...range(1, 50).map((n) => (50 - n) * 1000)]);
});

test("a rate with delays stays below the speed of processing", () => {
  const recordsOf = (i: number) => 20 + ((i * 7919) % 1000);
  const rates = fifty(estimator(0.01, 10), recordsOf, (i) => 1 + (i % 18));
  for (const i of range(1, 50)) assert.ok(rates[i]! < recordsOf(i) * 50, `batch ${i}: ${rates[i]}`);
});

test("a batch in no time says something here, where Spark learns nothing from it; one without records says nothing in both", () => {
  const pid = estimator(0, 10);
  const batch = { records: 10, processingDelay: 10, schedulingDelay: 0 };
  assert.equal(pid.compute({ ...batch, time: 0 }), undefined);
  assert.equal(pid.compute({ ...batch, time: 10 }), 1000);
  assert.equal(pid.compute({ ...batch, time: 20, records: 0 }), undefined);
  assert.equal(pid.compute({ ...batch, time: 30, processingDelay: 0 }), 10_000);
  assert.equal(pid.compute({ ...batch, time: 30 }), 1000);
});

const backlogs = (...lags: number[]) =>
  lags.map((latest, partition) => ({ topic: "backpressure", partition, position: 0, latest }));
const limited = (lags: number[], maxRate?: number) =>
  clamp(
    backlogs(...lags),
    { intervalMs: 100, maxRatePerPartition: 100, minRatePerPartition: undefined, maxRate, maxBytes: Infinity },
    100,
  );

test("the rate of a stream is divided by lag, below that of a partition", () => {
  assert.deepEqual(limited([50, 50]), [10, 10]);
  assert.deepEqual(limited([0, 0], 1000), [0, 0]);
  assert.deepEqual(limited([1000, 1000], 1000), [10, 10]);
  assert.deepEqual(limited([1000, 1000], 100), [5, 5]);
  assert.deepEqual(limited([1000, 1000], 50), [2, 2]);
  assert.deepEqual(limited([1000, 1000], 20), [1, 1]);
});

test("what a partition may not give goes to the others, where Spark leaves it unused", () => {
  // Spark: 149 and 1 of the 150 a second, the 149 cut to 100; in 100 ms that is 10 and nothing.
  assert.deepEqual(limited([1000, 5], 150), [10, 5]);
});
