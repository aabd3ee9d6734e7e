/** Functions that wait: mapPartitions and mapAsync. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { type DStream, MillraceError, type TaskContext } from "millrace";
import { runPipeline } from "millrace/testing";
import { runBatch } from "../helpers/run-graph.ts";

const numbers = (count: number) => Array.from({ length: count }, (_, i) => i);
/** More than travel in one chunk, so that who does not read makes others wait. */
const MANY = 20_000;

test("behind a union a partition has its number there, also when a stream is united with itself", async () => {
  const numbered = (numbers: DStream<number>) =>
    numbers.mapPartitions(async function* (values, { partition, numPartitions }) {
      for await (const value of values) yield `${value} in ${partition} of ${numPartitions}`;
    });
  const twice = await runPipeline([[7, 8]], (numbers) => numbered(numbers.union(numbers)), { numPartitions: 2 });
  assert.deepEqual(twice, [["7 in 0 of 4", "8 in 1 of 4", "7 in 2 of 4", "8 in 3 of 4"]]);
  const inputs = { some: [[7]], others: [[9]] };
  const both = await runPipeline(inputs, ({ some, others }) => numbered(some.union(others)));
  assert.deepEqual(both, [["7 in 0 of 2", "9 in 1 of 2"]]);
  const windowed = await runPipeline([[7], [9]], (numbers) => numbered(numbers.window("2s")));
  assert.deepEqual(windowed[1], ["7 in 0 of 2", "9 in 1 of 2"]);
});

test("mapPartitions sees each partition once, in order, and knows which one it is", async () => {
  const outputs = await runBatch(
    numbers(10),
    (stream) =>
      stream.mapPartitions(async function* (partition, task) {
        const values: number[] = [];
        for await (const value of partition) values.push(value);
        yield { partition: task.partition, of: task.numPartitions, attempt: task.attempt, values };
      }),
    { numPartitions: 2 },
  );
  assert.deepEqual(outputs, [
    { partition: 0, of: 2, attempt: 1, values: [0, 1, 2, 3, 4] },
    { partition: 1, of: 2, attempt: 1, values: [5, 6, 7, 8, 9] },
  ]);
});

test("mapPartitions runs for an empty partition too", async () => {
  const outputs = await runBatch(
    [7],
    (stream) =>
      stream.mapPartitions(async function* (partition) {
        let count = 0;
        for await (const _ of partition) count++;
        yield count;
      }),
    { numPartitions: 3 },
  );
  assert.deepEqual(outputs, [0, 0, 1]);
});

test("chunks of a size are exactly of that size, the last one shorter", async () => {
  const sizes = await runBatch(numbers(10_000), (stream) =>
    stream.repartition(1).mapPartitions(async function* (partition) {
      for await (const chunk of partition.chunks({ size: 3_000 })) yield chunk.length;
    }),
  );
  assert.deepEqual(sizes, [3_000, 3_000, 3_000, 1_000]);
});

test("chunks as they arrive hold everything once", async () => {
  const values = await runBatch(numbers(MANY), (stream) =>
    stream.repartition(1).mapPartitions(async function* (partition) {
      for await (const chunk of partition.chunks()) yield* chunk;
    }),
  );
  assert.deepEqual(values, numbers(MANY));
});

test("a partition is not held whole: its reader sets the pace", async () => {
  let produced = 0;
  let producedAtFirstRead = 0;
  await runBatch(numbers(100), (stream) =>
    stream
      .flatMap((n) => numbers(1_000).map((i) => n * 1_000 + i))
      .repartition(1)
      .map((n) => {
        produced++;
        return n;
      })
      .mapPartitions(async function* (partition) {
        for await (const _ of partition) producedAtFirstRead ||= produced;
        yield produced;
      }),
  );
  assert.equal(produced, 100_000);
  assert(producedAtFirstRead < 20_000, `${producedAtFirstRead} values were there before the first was read`);
});

for (const [what, read] of Object.entries({
  "reads nothing": async function* (): AsyncGenerator<number> {
    yield 1;
  },
  "leaves its loop": async function* (partition: AsyncIterable<number>): AsyncGenerator<number> {
    for await (const _ of partition) break;
    yield 1;
  },
  "takes one value by hand": async function* (partition: AsyncIterable<number>): AsyncGenerator<number> {
    await partition[Symbol.asyncIterator]().next();
    yield 1;
  },
})) {
  test(`mapPartitions that ${what} ends, however much there is`, { timeout: 10_000 }, async () => {
    assert.deepEqual(await runBatch(numbers(MANY), (stream) => stream.repartition(1).mapPartitions(read)), [1]);
  });
}

test("two of them in a row, and beside each other, each get everything", async () => {
  const plus = (n: number) =>
    async function* (partition: AsyncIterable<number>) {
      for await (const value of partition) yield value + n;
    };
  const outputs = await runBatch(numbers(MANY), (stream) => {
    const once = stream.repartition(1).mapPartitions(plus(1));
    return once.mapPartitions(plus(1)).union(once.mapPartitions(plus(2)));
  });
  assert.equal(outputs.length, 2 * MANY);
  assert.deepEqual(
    outputs.slice(0, MANY),
    numbers(MANY).map((n) => n + 2),
  );
  assert.deepEqual(
    outputs.slice(MANY),
    numbers(MANY).map((n) => n + 3),
  );
});

test("an error in mapPartitions names it, before and after it yields", async () => {
  for (const yields of [false, true]) {
    const run = runBatch([1, 2], (stream) =>
      stream.mapPartitions(async function* () {
        if (yields) yield 1;
        throw new Error("lost the connection");
      }),
    );
    await assert.rejects(run, {
      code: "TASK_FAILED",
      message: /^mapPartitions at map-partitions\.test\.ts:\d+:\d+ failed: lost the connection$/,
    });
  }
});

test("an error upstream reaches the loop that reads, so that it can clean up", async () => {
  let cleanedUp = false;
  const run = runBatch(numbers(MANY), (stream) =>
    stream
      .repartition(1)
      .map((n) => {
        if (n === MANY - 1) throw new Error("broke late");
        return n;
      })
      .mapPartitions(async function* (partition) {
        try {
          for await (const value of partition) yield value;
        } finally {
          cleanedUp = true;
        }
      }),
  );
  await assert.rejects(run, { code: "TASK_FAILED", message: /^map at .* failed: broke late$/ });
  assert(cleanedUp);
});

test("mapAsync keeps the order, whichever ends first", async () => {
  const outputs = await runBatch(numbers(50), (stream) =>
    stream.mapAsync(async (n) => {
      for (let turn = 0; turn < 50 - n; turn++) await nextTurn();
      return n;
    }),
  );
  assert.deepEqual(outputs, numbers(50));
});

test("mapAsync runs as many at a time as it may, and no more", async () => {
  for (const [given, expected] of [
    [3, 3],
    [undefined, 16],
  ] as const) {
    let running = 0;
    let most = 0;
    const options = given === undefined ? {} : { concurrency: given };
    await runBatch(numbers(100), (stream) =>
      stream.mapAsync(async (n) => {
        most = Math.max(most, ++running);
        await nextTurn();
        running--;
        return n;
      }, options),
    );
    assert.equal(most, expected);
  }
});

test("mapAsync takes pairs on to pair operations", async () => {
  const outputs = await runBatch(["a", "b", "a"], (words) =>
    words.mapAsync(async (word) => [word, 1]).reduceByKey((a, b) => a + b),
  );
  assert.deepEqual(
    new Map(outputs),
    new Map([
      ["a", 2],
      ["b", 1],
    ]),
  );
});

test("an error in mapAsync names it; the calls still running are told to stop and are waited for", async () => {
  let running = 0;
  let told = 0;
  const run = runBatch(
    numbers(4),
    (stream) =>
      stream.mapAsync(async (n, { signal }: TaskContext) => {
        running++;
        try {
          if (n === 0) {
            await nextTurn();
            throw new TypeError("no answer");
          }
          await new Promise<void>((resolve) => {
            signal.addEventListener("abort", () => {
              told++;
              resolve();
            });
          });
          return n;
        } finally {
          await nextTurn();
          running--;
        }
      }),
    { taskMaxFailures: 1 },
  );
  await assert.rejects(run, (error) => {
    assert(MillraceError.is(error, "TASK_FAILED"));
    assert.match(error.message, /^mapAsync at map-partitions\.test\.ts:\d+:\d+ failed: no answer$/);
    assert.equal((error.cause as Error).name, "TypeError");
    return true;
  });
  assert.deepEqual({ told, running }, { told: 3, running: 0 });
});

test("mapAsync refuses a concurrency that is none", async () => {
  await assert.rejects(
    runBatch([1], (s) => s.mapAsync(async (n) => n, { concurrency: 0 })),
    { code: "BAD_OPTION", message: /mapAsync: "concurrency" must be a whole number from 1/ },
  );
  await assert.rejects(
    runBatch([1], (s) => s.mapAsync(async (n) => n, { concurency: 4 } as never)),
    { code: "BAD_OPTION", hint: /Did you mean "concurrency"\?/ },
  );
});
