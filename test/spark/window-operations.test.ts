/** Spark's WindowOperationsSuite and the windows of its JavaAPISuite: their inputs and numbers, a batch a second. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { DStream, Duration } from "millrace";
import { type Batches, runPipeline } from "millrace/testing";
import { pairs } from "./flow.ts";
import { inAnyOrder } from "./run-flows.ts";

type Counts = DStream<[string, number]>;

const add = (a: number, b: number) => a + b;
const subtract = (a: number, b: number) => a - b;
const none: [string, number][] = [];
/** Counts of a, of b and of c; what is undefined does not come. */
const abc = (...counts: (number | undefined)[]) =>
  counts.flatMap((count, i) => (count === undefined ? [] : [["abc"[i]!, count] as [string, number]]));

/** What comes at each slide; between two slides there is nothing. */
async function expectAtSlides<T extends {}, U>(
  input: Batches<T>,
  windowed: (stream: DStream<T>) => DStream<U>,
  expected: readonly (readonly NoInfer<U>[])[],
  batchesPerSlide = 1,
): Promise<void> {
  const batches = [...input];
  while (batches.length < expected.length * batchesPerSlide) batches.push([]);
  const outputs = await runPipeline<T, U>(batches, windowed, { numPartitions: 2 });
  for (const [i, output] of outputs.entries()) {
    const isSlide = (i + 1) % batchesPerSlide === 0;
    const wanted = isSlide ? expected[(i + 1) / batchesPerSlide - 1] : [];
    if (wanted !== undefined) assert.deepEqual(inAnyOrder(output), inAnyOrder(wanted), `batch ${i}`);
  }
}

describe("window holds the batches of the last so many seconds", () => {
  const digits = [[0], [1], [2], [3], [4], [5]];
  for (const [name, window, slide, expected] of [
    ["that slides by a batch", "2s", "1s", [[0], [0, 1], [1, 2], [2, 3], [3, 4], [4, 5]]],
    [
      "that tumbles",
      "2s",
      "2s",
      [
        [0, 1],
        [2, 3],
        [4, 5],
      ],
    ],
    [
      "larger than its slide",
      "4s",
      "2s",
      [
        [0, 1],
        [0, 1, 2, 3],
        [2, 3, 4, 5],
        [4, 5],
      ],
    ],
    [
      "smaller than its slide: what lies between two windows is in none",
      "2s",
      "3s",
      [
        [1, 2],
        [4, 5],
      ],
    ],
  ] as const) {
    test(`one ${name}`, () =>
      expectAtSlides(digits, (stream) => stream.window(window, slide), expected, Number.parseInt(slide, 10)));
  }
});

const largerSlide = [...[1, 2, 3, 4, 5, 6].map((n) => pairs(["a", n])), none, none];

const big = [
  abc(1),
  abc(1, 1),
  abc(1, 1, 1),
  abc(1, 1),
  abc(1),
  abc(),
  abc(1),
  abc(1, 1),
  abc(1, 1, 1),
  abc(1, 1),
  abc(1),
  abc(),
];
const bigHalf = [abc(1), abc(2, 1), abc(2, 2, 1), abc(2, 2, 1), abc(2, 1), abc(1)];
const bigReduced = [...bigHalf, ...bigHalf];
// With the inverse a key stays with its neutral value.
const bigInverse = [
  ...[abc(1), abc(2, 1), abc(2, 2, 1), abc(2, 2, 1), abc(2, 1, 0), abc(1, 0, 0)],
  ...[abc(1, 0, 0), abc(2, 1, 0), abc(2, 2, 1), abc(2, 2, 1), abc(2, 1, 0), abc(1, 0, 0)],
];

for (const [kind, options] of [
  ["reduces again", {}],
  ["takes off what leaves", { inverse: subtract }],
] as const) {
  describe(`reduceByKeyAndWindow that ${kind}`, () => {
    const reduced = (window: Duration, slide: Duration) => (stream: Counts) =>
      stream.reduceByKeyAndWindow(add, { name: "sums", window, slide, ...options });
    const isInverse = "inverse" in options;
    for (const [name, input, expected] of [
      ["two values of a batch", [pairs(["a", 1], ["a", 3])], [abc(4)]],
      ["a value for a key that is in the window", [abc(1), abc(1)], [abc(1), abc(2)]],
      ["a key that comes in", [abc(1), abc(1, 1)], [abc(1), abc(2, 1)]],
      ["a key that leaves", [abc(1), abc(1), none, none], [abc(1), abc(2), abc(1), isInverse ? abc(0) : none]],
      ["three keys that come and go", big, isInverse ? bigInverse : bigReduced],
    ] as const) {
      test(name, () => expectAtSlides(input, reduced("2s", "1s"), expected));
    }
    test("a slide of two batches", () =>
      expectAtSlides(largerSlide, reduced("4s", "2s"), [abc(3), abc(10), abc(18), abc(11)], 2));
  });
}

test("with the inverse and a filter a window gives what it gives without the inverse", () =>
  expectAtSlides(
    big,
    (stream: Counts) =>
      stream
        .reduceByKeyAndWindow(add, { name: "kept", window: "2s", inverse: subtract, filter: (_key, n) => n !== 0 })
        .persist(),
    bigReduced,
  ));

test("groupByKeyAndWindow has each value of the window as often as it came", () =>
  expectAtSlides(
    big,
    (stream: Counts) => stream.groupByKeyAndWindow({ name: "groups", window: "2s" }),
    bigReduced.map((batch) => batch.map(([key, n]): [string, number[]] => [key, Array(n).fill(1)])),
  ));

test("countByWindow counts down to 0; before the first value it is 0 too, where Spark gives none", async () => {
  const count = (stream: DStream<number>) => stream.countByWindow({ name: "count", window: "2s" });
  await expectAtSlides([[1], [1], [1, 2], [0], [], []], count, [[1], [2], [3], [3], [1], [0]]);
  await expectAtSlides([[], [1]], count, [[0], [1]]);
});

test("countByValueAndWindow has the values of the window, those that have left it not", () =>
  expectAtSlides(
    [["a"], ["b", "b"], ["a", "b"]],
    (stream) => stream.countByValueAndWindow({ name: "n", window: "2s" }),
    [abc(1), abc(1, 2), abc(1, 3)],
  ));

test("reduceByWindow gives the same sums with the inverse and without", async () => {
  for (const options of [{}, { inverse: subtract }]) {
    await expectAtSlides(
      [
        [1, 2, 3],
        [4, 5, 6],
        [7, 8, 9],
      ],
      (stream) => stream.reduceByWindow(add, { name: "sum", window: "2s", slide: "1s", ...options }),
      [[6], [21], [39], [24]],
    );
  }
});
