/** The words as values: durations and offset ranges. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { OffsetRange } from "millrace";
import { parseDuration } from "../../src/model/duration.ts";
import { splitRanges } from "../../src/model/offset-range.ts";

test("durations are read in every unit, and bare numbers count milliseconds", () => {
  for (const [text, ms] of [
    ["200ms", 200],
    ["1s", 1_000],
    ["1.5s", 1_500],
    ["10m", 600_000],
    ["2h", 7_200_000],
    ["0ms", 0],
    [250, 250],
    [0, 0],
  ] as const) {
    assert.equal(parseDuration(text, "option"), ms);
  }
  for (const no of ["1", "s", "1 s", "1S", "+1s", "1e3ms", "1s ", null, {}, Number.NaN, -1]) {
    assert.throws(() => parseDuration(no, "option"), { code: "BAD_OPTION", message: /^option / }, String(no));
  }
});

const range = (fromOffset: number, untilOffset: number, partition = 0): OffsetRange => ({
  topic: "t",
  partition,
  fromOffset,
  untilOffset,
});

test("an offset range counts, compares and prints itself as in Spark", () => {
  assert.equal(OffsetRange.count(range(5, 9)), 4);
  assert(OffsetRange.equals(range(5, 9), range(5, 9)));
  for (const other of [range(5, 8), range(4, 9), range(5, 9, 1), { ...range(5, 9), topic: "u" }]) {
    assert(!OffsetRange.equals(range(5, 9), other));
  }
  assert.equal(OffsetRange.format(range(5, 9)), "OffsetRange(topic: 't', partition: 0, range: [5 -> 9])");
});

test("ranges split into parts that cover them, in order, without gap or overlap", () => {
  const ranges = fc
    .array(fc.tuple(fc.nat(1_000), fc.nat(50)), { minLength: 1, maxLength: 5 })
    .map((all) => all.map(([from, count], partition) => range(from, from + count, partition)));
  fc.assert(
    fc.property(ranges, fc.integer({ min: 1, max: 20 }), (whole, minPartitions) => {
      const parts = splitRanges(whole, minPartitions);
      for (const { partition, fromOffset, untilOffset } of whole) {
        let at = fromOffset;
        for (const part of parts.filter((part) => part.partition === partition)) {
          assert.equal(part.fromOffset, at);
          at = part.untilOffset;
        }
        assert.equal(at, untilOffset);
      }
      assert.deepEqual(
        parts.map(({ partition }) => partition),
        parts.map(({ partition }) => partition).toSorted((a, b) => a - b),
      );
      const offsets = whole.reduce((sum, one) => sum + OffsetRange.count(one), 0);
      const reachable = whole.filter((one) => OffsetRange.count(one) === 0).length + offsets;
      assert(
        parts.length >= Math.min(minPartitions, reachable) && parts.length <= Math.max(minPartitions, whole.length),
      );
      const sizes = parts.filter((part) => OffsetRange.count(part) > 0).map(OffsetRange.count);
      if (whole.length === 1 && sizes.length > 0)
        assert(Math.max(...sizes) - Math.min(...sizes) <= 1, `uneven: ${sizes}`);
    }),
  );
});
