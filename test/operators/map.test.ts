/** One record at a time: map, filter, flatMap, mapValues, flatMapValues, glom. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { MillraceError } from "millrace";
import { runPipeline } from "millrace/testing";
import { runBatch } from "../helpers/run-graph.ts";

const pairs: [string, number][] = [
  ["a", 1],
  ["b", 2],
];

test("map gives one value for each, batch by batch, empty batches included", async () => {
  const outputs = await runPipeline([[], [1, 2], [], [3]], (numbers) => numbers.map((n) => n * 10));
  assert.deepEqual(outputs, [[], [10, 20], [], [30]]);
});

test("filter keeps what its function says yes to, and any truthy answer is a yes", async () => {
  assert.deepEqual(await runBatch([1, 2, 3, 4], (numbers) => numbers.filter((n) => n % 2 === 0)), [2, 4]);
  assert.deepEqual(await runBatch([0, 1, 2], (numbers) => numbers.filter(((n: number) => n) as never)), [1, 2]);
});

test("flatMap hands on what any iterable holds, in order", async () => {
  const generated = await runBatch([1, 3], (numbers) =>
    numbers.flatMap(function* (n) {
      yield n;
      yield n + 1;
    }),
  );
  assert.deepEqual(generated, [1, 2, 3, 4]);
  assert.deepEqual(await runBatch(["a b", "c"], (lines) => lines.flatMap((line) => line.split(" "))), ["a", "b", "c"]);
  assert.deepEqual(await runBatch([1, 2], (numbers) => numbers.flatMap((n) => new Set([n, n]))), [1, 2]);
  assert.deepEqual(await runBatch([1, 2], (numbers) => numbers.flatMap(() => [])), []);
});

test("flatMap ends a generator whose values nobody wants any more", async () => {
  let cleanedUp = 0;
  const outputs: number[][] = [];
  const [first] = await runPipeline([[1, 2, 3]], (numbers) =>
    numbers
      .flatMap(function* (n) {
        try {
          yield n;
          yield n;
        } finally {
          cleanedUp++;
        }
      })
      .transform((rdd) => rdd.takeOrdered(1)),
  );
  outputs.push(first as number[]);
  assert.deepEqual(outputs, [[1]]);
  assert.equal(cleanedUp, 3);
});

test("mapValues and flatMapValues leave the key alone", async () => {
  assert.deepEqual(await runBatch(pairs, (stream) => stream.mapValues((n) => n + 0.5)), [
    ["a", 1.5],
    ["b", 2.5],
  ]);
  assert.deepEqual(await runBatch(pairs, (stream) => stream.flatMapValues((n) => Array(n).fill(n))), [
    ["a", 1],
    ["b", 2],
    ["b", 2],
  ]);
});

test("glom makes an array of each partition, also of an empty one", async () => {
  assert.deepEqual(await runBatch([1, 2, 3], (numbers) => numbers.glom(), { numPartitions: 2 }), [[1], [2, 3]]);
  assert.deepEqual(await runBatch([1], (numbers) => numbers.glom(), { numPartitions: 2 }), [[], [1]]);
});

test("a chain of them is one pass, record by record", async () => {
  const steps: string[] = [];
  await runBatch([1, 2], (numbers) =>
    numbers
      .map((n) => {
        steps.push(`map ${n}`);
        return n;
      })
      .filter((n) => {
        steps.push(`filter ${n}`);
        return true;
      }),
  );
  assert.deepEqual(steps, ["map 1", "filter 1", "map 2", "filter 2"]);
});

const fails = () => {
  throw new RangeError("no such thing");
};

for (const [method, run] of Object.entries({
  map: () => runBatch([1], (s) => s.map(fails)),
  filter: () => runBatch([1], (s) => s.filter(fails)),
  flatMap: () => runBatch([1], (s) => s.flatMap(fails)),
  mapValues: () => runBatch(pairs, (s) => s.mapValues(fails)),
  flatMapValues: () => runBatch(pairs, (s) => s.flatMapValues(fails)),
})) {
  test(`an error in ${method} names the operator with file and line, and is the cause`, async () => {
    await assert.rejects(run, (error) => {
      assert(MillraceError.is(error, "TASK_FAILED"));
      assert.match(error.message, new RegExp(`^${method} at map\\.test\\.ts:\\d+:\\d+ failed: no such thing$`));
      assert.match(error.at.operator ?? "", new RegExp(`^${method} at map\\.test\\.ts:\\d+:\\d+$`));
      assert.deepEqual([(error.cause as Error).name, (error.cause as Error).message], ["RangeError", "no such thing"]);
      return true;
    });
  });
}

test("an error in a generator is the generator's operator's, one further down is not", async () => {
  const generator = function* (n: number) {
    yield n;
    if (n === 2) throw new Error("ran dry");
  };
  await assert.rejects(
    runBatch([1, 2], (s) => s.flatMap(generator)),
    { message: /^flatMap at .* failed: ran dry$/ },
  );
  await assert.rejects(
    runBatch([1, 2], (s) => s.flatMap(generator).map(fails)),
    { message: /^map at .* failed: no such thing$/ },
  );
});

for (const [method, run] of Object.entries({
  map: () => runBatch([1], (s) => s.map(async (n) => n)),
  filter: () => runBatch([1], (s) => s.filter((async () => false) as never)),
  flatMap: () => runBatch([1], (s) => s.flatMap((async () => []) as never)),
  mapValues: () => runBatch(pairs, (s) => s.mapValues(async (n) => n)),
  flatMapValues: () => runBatch(pairs, (s) => s.flatMapValues((async () => []) as never)),
})) {
  test(`an async function given to ${method} is refused at its first promise, with the cure`, async () => {
    await assert.rejects(run, (error) => {
      assert(MillraceError.is(error, "ASYNC_FUNCTION"));
      assert.match(
        error.message,
        new RegExp(`^The function given to ${method} at map.test.ts:\\d+:\\d+ returned a promise`),
      );
      assert.match(error.hint, /mapAsync/);
      return true;
    });
  });
}

test("an async generator given to flatMap is refused as well", async () => {
  const generator = async function* () {
    yield 1;
  };
  await assert.rejects(
    runBatch([1], (s) => s.flatMap(generator as never)),
    { code: "ASYNC_FUNCTION", message: /async iterable/ },
  );
  await assert.rejects(
    runBatch(pairs, (s) => s.flatMapValues(generator as never)),
    { code: "ASYNC_FUNCTION" },
  );
});

test("what is not iterable is refused in words", async () => {
  await assert.rejects(
    runBatch([1], (s) => s.flatMap((() => undefined) as never)),
    { code: "TASK_FAILED", message: /flatMap at .* its function returned undefined, not an array/ },
  );
  await assert.rejects(
    runBatch(pairs, (s) => s.flatMapValues((() => ({})) as never)),
    { code: "TASK_FAILED", message: /flatMapValues at .* its function returned object, not an array/ },
  );
});

test("whatever JavaScript can throw becomes a sentence", async () => {
  const thrown: [unknown, RegExp][] = [
    ["just a text", /failed: just a text$/],
    [{ reason: 5 }, /failed: a value that is no Error was thrown: \{"reason":5\}$/],
    [undefined, /failed: a value that is no Error was thrown: undefined$/],
    [Object.create(null), /failed: a value that is no Error was thrown: \{\}$/],
    [10n, /failed: a value that is no Error was thrown/],
    [Symbol("s"), /failed: a value that is no Error was thrown: Symbol\(s\)$/],
  ];
  for (const [value, message] of thrown) {
    const run = runBatch([1], (s) =>
      s.map(() => {
        throw value;
      }),
    );
    await assert.rejects(run, { code: "TASK_FAILED", message });
  }
});

test("what is no function is refused where the stream is described", async () => {
  for (const method of ["map", "filter", "flatMap", "mapValues", "flatMapValues"] as const) {
    await assert.rejects(
      runBatch([1], (s) => (s as never as Record<string, (f: unknown) => typeof s>)[method]!(5)),
      { code: "BAD_OPTION", message: `${method} takes a function; it got number.`, hint: /Pass the function itself/ },
    );
  }
});
