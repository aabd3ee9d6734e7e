/** Shuffles against a plain reference, for any input and any number of partitions. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { TaskContext } from "../../src/model/plan.ts";
import { segmentsOf } from "../../src/shuffle/block.ts";
import { combineByKey, groupByKey } from "../../src/shuffle/combine.ts";
import { gather, type Movement, partitionBy, roundRobin, stay } from "../../src/shuffle/movement.ts";

const NAME = "shuffle at job.ts:1:1";

/** Moves the values of each map task into `numPartitions` partitions. */
function shuffle<T, U>(movement: Movement<T, U>, tasks: readonly (readonly T[])[], numPartitions: number): U[][] {
  const blocks = tasks.map((values, partition) => {
    const writer = movement.write(NAME, numPartitions, { partition } as TaskContext);
    for (const value of values) writer.push(value);
    writer.end();
    return writer.blocks();
  });
  return Array.from({ length: numPartitions }, (_, p) => [...movement.read(blocks, p, NAME)].flat() as U[]);
}

const key = fc.oneof(
  fc.nat(5),
  fc.constantFrom("a", "b", "5"),
  fc.tuple(fc.constantFrom("NL", "DE"), fc.nat(2)),
  fc.record({ a: fc.nat(2), b: fc.constantFrom("x", "y") }),
  fc.constantFrom(null, undefined, true, 5n, Number.NaN, -0),
);
const tasks = fc.array(fc.array(fc.tuple(key, fc.integer())), { minLength: 1, maxLength: 5 });
const partitions = fc.integer({ min: 1, max: 7 });

const textOf = (value: unknown): string =>
  JSON.stringify(value, (_, v) =>
    typeof v === "bigint"
      ? `${v}n`
      : v === undefined || Number.isNaN(v)
        ? `<${v}>`
        : typeof v === "object" && v !== null && !Array.isArray(v)
          ? Object.fromEntries(Object.entries(v).toSorted())
          : v,
  );

/** What groupByKey must give: the values of each key in the order of the tasks. */
function grouped(tasks: readonly (readonly (readonly [unknown, number])[])[]): Map<string, number[]> {
  const groups = new Map<string, number[]>();
  for (const [key, value] of tasks.flat()) groups.set(textOf(key), [...(groups.get(textOf(key)) ?? []), value]);
  return groups;
}

const asMap = <V>(partitions: readonly (readonly (readonly [unknown, V])[])[]) => {
  const map = new Map<string, V>();
  for (const [key, value] of partitions.flat()) {
    assert(!map.has(textOf(key)), `${textOf(key)} came out twice`);
    map.set(textOf(key), value);
  }
  return map;
};

test("groupByKey gives every value once, with its key, in order", () => {
  fc.assert(
    fc.property(tasks, partitions, (input, numPartitions) => {
      assert.deepEqual(asMap(shuffle(groupByKey<unknown, number>(), input, numPartitions)), grouped(input));
    }),
  );
});

test("combineByKey equals folding the groups, for any input and partition count", () => {
  const lists = combineByKey<unknown, number, { sum: number; order: number[] }>({
    create: (n) => ({ sum: n, order: [n] }),
    mergeValue: (c, n) => ({ sum: c.sum + n, order: [...c.order, n] }),
    mergeCombiners: (a, b) => ({ sum: a.sum + b.sum, order: [...a.order, ...b.order] }),
  });
  fc.assert(
    fc.property(tasks, partitions, (input, numPartitions) => {
      const expected = new Map<string, unknown>();
      for (const [key, order] of grouped(input)) expected.set(key, { sum: order.reduce((a, b) => a + b, 0), order });
      assert.deepEqual(asMap(shuffle(lists, input, numPartitions)), expected);
    }),
  );
});

test("partitionBy brings equal keys together and changes nothing", () => {
  fc.assert(
    fc.property(tasks, partitions, (input, numPartitions) => {
      const output = shuffle(partitionBy<unknown>(), input, numPartitions);
      const homes = new Map<string, number>();
      for (const [partition, pairs] of output.entries()) {
        for (const [key] of pairs) {
          const home = homes.get(textOf(key)) ?? partition;
          assert.equal(home, partition);
          homes.set(textOf(key), home);
        }
      }
      const sorted = (pairs: readonly (readonly unknown[])[]) => pairs.map(textOf).toSorted();
      assert.deepEqual(sorted(output.flat()), sorted(input.flat()));
    }),
  );
});

test("roundRobin is even, gather puts all in one place, stay leaves all where it is", () => {
  fc.assert(
    fc.property(fc.array(fc.array(fc.nat()), { minLength: 1, maxLength: 5 }), partitions, (input, numPartitions) => {
      const sizes = shuffle(roundRobin<number>(), input, numPartitions).map(({ length }) => length);
      // Each task is even by itself, so together they differ by one at most for each task.
      assert(Math.max(...sizes) - Math.min(...sizes) <= input.length, `${sizes}`);
      assert.equal(
        sizes.reduce((a, b) => a + b, 0),
        input.flat().length,
      );
      assert.deepEqual(shuffle(gather<number>(), input, 1), [input.flat()]);
      assert.deepEqual(shuffle(stay<number>(), input, input.length), input);
    }),
  );
});

test("what a task writes depends on its input alone, byte by byte", () => {
  const bytesOf = (movement: Movement<readonly [unknown, number]>, input: readonly (readonly [unknown, number])[]) => {
    const writer = movement.write(NAME, 3, { partition: 1 } as TaskContext);
    for (const pair of input) writer.push(pair);
    writer.end();
    const blocks = writer.blocks();
    return [0, 1, 2].map((p) => [...segmentsOf(blocks, p)].map((segment) => Buffer.from(segment).toString("hex")));
  };
  const sum = combineByKey<unknown, number, number>({
    create: (n) => n,
    mergeValue: (a, b) => a + b,
    mergeCombiners: (a, b) => a + b,
  });
  fc.assert(
    fc.property(fc.array(fc.tuple(key, fc.integer())), (input) => {
      for (const movement of [sum, groupByKey(), partitionBy(), roundRobin()] as Movement<readonly [unknown, number]>[])
        assert.deepEqual(bytesOf(movement, input), bytesOf(movement, input));
    }),
  );
});

test("many values travel in many segments, and none is lost at their borders", () => {
  for (const count of [4_095, 4_096, 4_097, 20_000]) {
    const values = Array.from({ length: count }, (_, i) => i);
    assert.deepEqual(shuffle(gather<number>(), [values], 1), [values]);
    const pairs = values.map((n): [number, number] => [n, n]);
    assert.equal(shuffle(groupByKey<number, number>(), [pairs, pairs], 2).flat().length, count);
  }
});
