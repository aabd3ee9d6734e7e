import assert from "node:assert/strict";
import { test } from "node:test";
import { lastRanges, PartitionMap } from "../../src/model/partition-map.ts";

const at = (topic: string, partition: number) => ({ topic, partition });

test("partitions of several topics are kept apart by topic and number", () => {
  const map = new PartitionMap([
    [at("a", 11), 1],
    [at("a-1", 1), 2],
    [at("a", 0), 0],
  ]);
  map.set(at("a", 11), 3);
  assert.deepEqual(
    [map.get(at("a", 11)), map.get(at("a-1", 1)), map.get(at("a", 0)), map.get(at("a", 1)), map.get(at("b", 0))],
    [3, 2, 0, undefined, undefined],
  );
  assert.equal(map.size, 3);
  assert.deepEqual([map.has(at("a-1", 1)), map.has(at("a-1", 11)), map.has(at("b", 0))], [true, false, false]);
  assert.deepEqual(
    [...map.map((value) => value * 10)],
    [
      [at("a", 11), 30],
      [at("a", 0), 0],
      [at("a-1", 1), 20],
    ],
  );
});

test("a value that is undefined is there", () => {
  const map = new PartitionMap([[at("a", 0), undefined]]);
  assert.ok(map.has(at("a", 0)));
});

test("of the parts of a partition the one that ends last counts, in whatever order they come", () => {
  const part = (partition: number, fromOffset: number, untilOffset: number) => ({
    ...at("a", partition),
    fromOffset,
    untilOffset,
  });
  const last = lastRanges([part(0, 0, 5), part(1, 7, 9), part(0, 5, 8), part(1, 3, 7), part(2, 4, 4)]);
  assert.deepEqual([...last.values()], [part(0, 5, 8), part(1, 7, 9), part(2, 4, 4)]);
});
