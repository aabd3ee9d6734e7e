import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { clamp } from "../../src/kafka/clamp.ts";

const unlimited = { intervalMs: 1000, maxRatePerPartition: undefined, maxBytes: Number.POSITIVE_INFINITY };

test("without limits a batch takes all there is", () => {
  const backlogs = [
    { position: 5, latest: 105 },
    { position: 7, latest: 7 },
  ];
  assert.deepEqual(clamp(backlogs, unlimited, 100), [105, 7]);
});

test("the rate counts per partition and for the length of the interval", () => {
  const limits = { ...unlimited, intervalMs: 200, maxRatePerPartition: 50 };
  assert.deepEqual(
    clamp(
      [
        { position: 0, latest: 1000 },
        { position: 3, latest: 5 },
      ],
      limits,
      1,
    ),
    [10, 5],
  );
});

test("a rate below one record an interval still lets one record through, and is never no limit", () => {
  const limits = { ...unlimited, intervalMs: 20, maxRatePerPartition: 1 };
  assert.deepEqual(clamp([{ position: 10, latest: 1000 }], limits, 1), [11]);
});

test("a batch that would be too large takes from each partition in proportion to what it has", () => {
  const backlogs = [
    { position: 0, latest: 900 },
    { position: 0, latest: 100 },
  ];
  assert.deepEqual(clamp(backlogs, { ...unlimited, maxBytes: 5000 }, 10), [450, 50]);
});

test("whatever the limits, a batch never goes back, never past the end, and gets on wherever there is something", () => {
  const backlog = fc
    .tuple(fc.nat(1e9), fc.nat(1e9))
    .map(([position, count]) => ({ position, latest: position + count }));
  const limits = fc.record({
    intervalMs: fc.integer({ min: 20, max: 86_400_000 }),
    maxRatePerPartition: fc.option(fc.integer({ min: 1, max: 1e9 }), { nil: undefined }),
    maxBytes: fc.integer({ min: 1, max: 2 ** 40 }),
  });
  fc.assert(
    fc.property(
      fc.array(backlog, { maxLength: 20 }),
      limits,
      fc.double({ min: 1, max: 1e6, noNaN: true }),
      (backlogs, limits, bytes) => {
        const untils = clamp(backlogs, limits, bytes);
        for (const [i, { position, latest }] of backlogs.entries()) {
          assert.ok(Number.isSafeInteger(untils[i]));
          assert.ok(untils[i]! <= latest);
          assert.ok(latest === position ? untils[i] === position : untils[i]! > position);
        }
      },
    ),
  );
});
