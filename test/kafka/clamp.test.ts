import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { BatchLimits } from "../../src/graph/source.ts";
import { clamp } from "../../src/kafka/clamp.ts";
import { rateOf } from "../../src/model/partition-rates.ts";

const unlimited: BatchLimits = {
  intervalMs: 1000,
  maxRatePerPartition: undefined,
  minRatePerPartition: undefined,
  maxRate: undefined,
  maxBytes: Number.POSITIVE_INFINITY,
};

/** Backlogs of the partitions 0, 1, 2 ... of one topic. */
const of = (...backlogs: readonly [position: number, latest: number][]) =>
  backlogs.map(([position, latest], partition) => ({ topic: "t", partition, position, latest }));

test("without limits a batch takes all there is", () => {
  const backlogs = of([5, 105], [7, 7]);
  assert.deepEqual(clamp(backlogs, unlimited, 100), [105, 7]);
});

test("the rate counts per partition and for the length of the interval", () => {
  const limits = { ...unlimited, intervalMs: 200, maxRatePerPartition: 50 };
  assert.deepEqual(clamp(of([0, 1000], [3, 5]), limits, 1), [10, 5]);
});

test("a rate below one record an interval still lets one record through, and is never no limit", () => {
  const limits = { ...unlimited, intervalMs: 20, maxRatePerPartition: 1 };
  assert.deepEqual(clamp(of([10, 1000]), limits, 1), [11]);
});

test("a batch that would be too large takes from each partition in proportion to what it has", () => {
  const backlogs = of([0, 900], [0, 100]);
  assert.deepEqual(clamp(backlogs, { ...unlimited, maxBytes: 5000 }, 10), [450, 50]);
});

test("the rate of the stream is shared in proportion to the lag", () => {
  const limits = { ...unlimited, intervalMs: 500, maxRate: 200 };
  assert.deepEqual(clamp(of([0, 900], [50, 150], [7, 7]), limits, 1), [90, 60, 7]);
});

test("what a partition may not give is given by the others", () => {
  const limits = { ...unlimited, maxRate: 100, maxRatePerPartition: { t: { 0: 20 } } };
  assert.deepEqual(clamp(of([0, 1000], [0, 80]), limits, 1), [20, 80]);
});

test("limits by topic and partition hold for those that are named, and only for them", () => {
  const backlogs = ["views", "views", "clicks", "toString"].map((topic, i) => ({
    topic,
    partition: i === 1 ? 1 : 0,
    position: 0,
    latest: 100,
  }));
  const limits = { ...unlimited, maxRatePerPartition: { views: { 1: 7 }, clicks: 9 } };
  assert.deepEqual(clamp(backlogs, limits, 1), [100, 7, 9, 100]);
});

test("a minimum is per second, and wins over the rate of the stream but not over the maximum", () => {
  const limits = { ...unlimited, intervalMs: 200, maxRate: 10, minRatePerPartition: 100 };
  assert.deepEqual(clamp(of([0, 1000], [0, 5], [3, 3]), limits, 1), [20, 5, 3]);
  assert.deepEqual(clamp(of([0, 1000]), { ...limits, minRatePerPartition: 11 }, 1), [3], "2.2 records are 3");
  const bounded = { ...limits, minRatePerPartition: 101, maxRatePerPartition: 101 };
  assert.deepEqual(clamp(of([0, 1000]), bounded, 1), [20], "20.2 records are not 21");
});

const rates = fc.option(
  fc.oneof(
    fc.integer({ min: 1, max: 1e9 }),
    fc.record({
      t: fc.oneof(
        fc.integer({ min: 1, max: 1e6 }),
        fc.dictionary(fc.nat(19).map(String), fc.integer({ min: 1, max: 1e6 })),
      ),
    }),
  ),
  { nil: undefined },
);
const anyLimits: fc.Arbitrary<BatchLimits> = fc.record({
  intervalMs: fc.integer({ min: 20, max: 86_400_000 }),
  maxRatePerPartition: rates,
  minRatePerPartition: rates,
  maxRate: fc.option(fc.double({ min: 1e-3, max: 1e12, noNaN: true }), { nil: undefined }),
  maxBytes: fc.oneof(fc.integer({ min: 1, max: 2 ** 40 }), fc.constant(Number.POSITIVE_INFINITY)),
});
const anyBacklogs = fc
  .array(fc.tuple(fc.nat(1e12), fc.oneof(fc.nat(3), fc.nat(1e12))), { maxLength: 20 })
  .map((some) => of(...some.map(([position, lag]): [number, number] => [position, position + lag])));
const anyBytes = fc.double({ min: 1, max: 1e6, noNaN: true });

test("whatever the limits, a batch never goes back, never past the end, and gets on wherever there is something", () => {
  fc.assert(
    fc.property(anyBacklogs, anyLimits, anyBytes, (backlogs, limits, bytes) => {
      const untils = clamp(backlogs, limits, bytes);
      for (const [i, { position, latest }] of backlogs.entries()) {
        assert.ok(Number.isSafeInteger(untils[i]));
        assert.ok(untils[i]! <= latest);
        assert.ok(latest === position ? untils[i] === position : untils[i]! > position);
      }
    }),
  );
});

test("whatever the limits, each partition is between its minimum and its maximum, and beyond minimums no budget is overdrawn", () => {
  fc.assert(
    fc.property(anyBacklogs, anyLimits, anyBytes, (backlogs, limits, bytes) => {
      const counts = clamp(backlogs, limits, bytes).map((until, i) => until - backlogs[i]!.position);
      const perInterval = (rate: number) => (rate * limits.intervalMs) / 1000;
      let beyondMinimums = 0;
      for (const [i, backlog] of backlogs.entries()) {
        const lag = backlog.latest - backlog.position;
        const max = Math.floor(perInterval(rateOf(limits.maxRatePerPartition, backlog) ?? Number.POSITIVE_INFINITY));
        const min = Math.ceil(perInterval(rateOf(limits.minRatePerPartition, backlog) ?? 0));
        const most = Math.min(lag, Math.max(1, max));
        assert.ok(counts[i]! <= most, `partition ${i} gives more than it may`);
        assert.ok(counts[i]! >= Math.min(most, Math.max(1, min)), `partition ${i} gives less than it must`);
        if (counts[i]! > Math.max(1, min)) beyondMinimums += counts[i]!;
      }
      const budget = Math.min(perInterval(limits.maxRate ?? Number.POSITIVE_INFINITY), limits.maxBytes / bytes);
      assert.ok(beyondMinimums <= budget * (1 + 1e-9), `${beyondMinimums} of ${budget}`);
    }),
  );
});

test("whatever the limits from batch to batch, each offset is in exactly one batch", () => {
  const arrivals = fc.array(fc.tuple(anyLimits, fc.array(fc.nat(1000), { minLength: 3, maxLength: 3 })), {
    maxLength: 10,
  });
  fc.assert(
    fc.property(arrivals, anyBytes, (steps, bytes) => {
      const backlogs = of([5, 5], [0, 0], [70, 70]).map((backlog) => ({ ...backlog }));
      const read = backlogs.map(() => 0);
      const batch = (limits: BatchLimits) => {
        for (const [i, until] of clamp(backlogs, limits, bytes).entries()) {
          read[i]! += until - backlogs[i]!.position;
          backlogs[i]!.position = until;
        }
      };
      for (const [limits, arrived] of steps) {
        for (const [i, count] of arrived.entries()) backlogs[i]!.latest += count;
        batch(limits);
      }
      batch(unlimited);
      assert.deepEqual(
        read,
        [0, 1, 2].map((i) => steps.reduce((sum, [, arrived]) => sum + arrived[i]!, 0)),
      );
    }),
  );
});
