import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Backpressure } from "../../../src/driver/rate/backpressure.ts";
import { PidRateEstimator } from "../../../src/driver/rate/pid-rate-estimator.ts";

const spark = { initialRate: 1000, minRate: 100, proportional: 1, integral: 0.2, derived: 0 };

test("the first batch only shows how fast it was; then the delay is taken off, as in Spark", () => {
  const pid = new PidRateEstimator(spark, 1000);
  const measure = { records: 1000, processingDelay: 500, schedulingDelay: 0 };
  assert.equal(pid.compute({ ...measure, time: 1000 }), undefined);
  assert.equal(pid.compute({ ...measure, time: 2000, schedulingDelay: 100 }), 2000 - 0.2 * 200);
});

test("proportional and derived weigh how far the rate was off, and how that changes", () => {
  const pid = new PidRateEstimator({ ...spark, proportional: 0.5, integral: 0, derived: 0.1 }, 1000);
  const at = (time: number, records: number) =>
    pid.compute({ time, records, processingDelay: 1000, schedulingDelay: 0 });
  assert.equal(at(1000, 1000), undefined);
  // error -1000, changed by -1000 in a second
  assert.equal(at(2000, 2000), 1000 + 500 + 100);
  // error -400, changed by 600 in half a second
  assert.equal(at(2500, 2000), 1600 + 200 - 120);
});

test("a batch without records says nothing, and changes nothing", () => {
  const pid = new PidRateEstimator(spark, 1000);
  const measure = { time: 1, records: 1000, processingDelay: 500, schedulingDelay: 0 };
  pid.compute(measure);
  assert.equal(pid.compute({ ...measure, time: 2, records: 0 }), undefined);
  assert.equal(pid.compute({ ...measure, time: 3 }), 2000);
});

test("a batch faster than the clock shows still raises the rate, and a clock set back is no matter", () => {
  const pid = new PidRateEstimator({ ...spark, derived: 0.1 }, 20);
  const measure = { records: 20, processingDelay: 0, schedulingDelay: 0 };
  assert.equal(pid.compute({ ...measure, time: 5000 }), undefined);
  assert.equal(pid.compute({ ...measure, time: 5000 }), 20_000);
  assert.equal(pid.compute({ ...measure, time: 1000 }), 20_000);
});

test("whatever batches come, the rate is a number and never below the minimum", () => {
  const weight = fc.double({ min: 0, max: 100, noNaN: true });
  const rate = fc.integer({ min: 1, max: 1e9 });
  const options = fc.record({
    initialRate: rate,
    minRate: rate,
    proportional: weight,
    integral: weight,
    derived: weight,
  });
  const measure = fc.record({
    time: fc.nat(1e13),
    records: fc.nat(1e12),
    processingDelay: fc.nat(1e9),
    schedulingDelay: fc.nat(1e9),
  });
  fc.assert(
    fc.property(options, fc.integer({ min: 20, max: 86_400_000 }), fc.array(measure), (options, interval, measures) => {
      const pid = new PidRateEstimator(options, interval);
      for (const measure of measures) {
        const rate = pid.compute(measure);
        assert.ok(rate === undefined || (Number.isFinite(rate) && rate >= options.minRate), `${rate}`);
      }
    }),
  );
});

test("each stream has a rate of its own, the initial one at first, and a batch that ran again does not cut it", () => {
  const backpressure = new Backpressure(spark, 1000);
  const completed = (time: number, schedulingDelay: number) =>
    backpressure.completed({
      seq: 1,
      batchTime: time - 500 - schedulingDelay,
      missedTicks: 0,
      inputs: [
        { name: "a", records: 3000, lag: 0, offsetRanges: [], partitions: [], skipped: 0 },
        { name: "b", records: 0, lag: 0, offsetRanges: [], partitions: [], skipped: 0 },
      ],
      submissionTime: time - 500,
      processingStartTime: time - 500,
      processingEndTime: time,
      schedulingDelay,
      processingDelay: 500,
      totalDelay: 500 + schedulingDelay,
    });
  completed(10_000, 0);
  assert.equal(backpressure.rateOf("a"), 1000);
  completed(11_000, 3_600_000);
  assert.equal(backpressure.rateOf("a"), 6000 - 0.2 * 6000);
  assert.equal(backpressure.rateOf("b"), 1000);
});
