/** What ends a stream: foreachRDD, foreachPartition, pprint. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { TaskContext } from "millrace";
import { runGraph } from "../helpers/run-graph.ts";

test("foreachRDD gets the RDD, the time and the key of each batch, empty batches included", async () => {
  const seen: { values: number[]; time: number; seq: number; epoch: number; aborted: boolean }[] = [];
  await runGraph((ssc) => {
    ssc.queueStream([[], [1], [2, 3]]).foreachRDD(async (rdd, time, { seq, epoch, signal }) => {
      seen.push({ values: await rdd.collect(), time, seq, epoch, aborted: signal.aborted });
    });
  });
  assert.deepEqual(
    seen.map(({ values, seq, epoch, aborted }) => [values, seq, epoch, aborted]),
    [
      [[], 1, 1, false],
      [[1], 2, 1, false],
      [[2, 3], 3, 1, false],
    ],
  );
  assert(seen[0]!.time < seen[1]!.time && seen[1]!.time < seen[2]!.time);
});

test("foreachRDD that asks for nothing reads nothing, and completes the batch", async () => {
  let read = 0;
  let batches = 0;
  await runGraph((ssc) => {
    ssc
      .queueStream([[1, 2], [3]])
      .map(() => read++)
      .foreachRDD(() => {
        batches++;
      });
  });
  assert.deepEqual([read, batches], [0, 2]);
});

test("foreachPartition runs for each partition, empty ones too, with what names its write", async () => {
  const seen: [number[], Omit<TaskContext, "signal" | "batchTime">][] = [];
  await runGraph((ssc) => {
    ssc.queueStream([[1, 2, 3], []], { numPartitions: 2 }).foreachPartition(async (partition, task) => {
      const values: number[] = [];
      for await (const value of partition) values.push(value);
      const { signal: _, batchTime: __, ...context } = task;
      seen.push([values, context]);
    });
  });
  const context = (partition: number) => ({
    seq: 1,
    epoch: 1,
    attempt: 1,
    partition,
    numPartitions: 2,
    offsetRanges: [],
  });
  assert.deepEqual(seen, [
    [[1], context(0)],
    [[2, 3], context(1)],
  ]);
});

test("foreachPartition after a shuffle sees the partitions of the shuffle", async () => {
  const seen: [number, number, unknown[]][] = [];
  await runGraph((ssc) => {
    ssc
      .queueStream([["a", "b", "a"]], { numPartitions: 2 })
      .countByValue({ numPartitions: 1 })
      .foreachPartition(async (partition, { partition: number, numPartitions }) => {
        const values = [];
        for await (const value of partition) values.push(value);
        seen.push([number, numPartitions, values.toSorted()]);
      });
  });
  assert.deepEqual(seen, [
    [
      0,
      1,
      [
        ["a", 2],
        ["b", 1],
      ],
    ],
  ]);
});

test("foreachPartition by chunks, and one that reads nothing, end", { timeout: 10_000 }, async () => {
  const values = Array.from({ length: 20_000 }, (_, i) => i);
  const sizes: number[] = [];
  await runGraph((ssc) => {
    const stream = ssc.queueStream([values]).repartition(1);
    stream.foreachPartition(async (partition) => {
      for await (const chunk of partition.chunks({ size: 8_000 })) sizes.push(chunk.length);
    });
    stream.foreachPartition(() => {});
    stream.foreachPartition(async (partition) => {
      for await (const _ of partition) break;
    });
  });
  assert.deepEqual(sizes, [8_000, 8_000, 4_000]);
});

test("foreachPartition that throws fails the batch by name, sync and async", async () => {
  for (const f of [
    () => {
      throw new Error("disk full");
    },
    async () => {
      throw new Error("disk full");
    },
  ]) {
    await assert.rejects(
      runGraph((ssc) => ssc.queueStream([[1]]).foreachPartition(f, { name: "to-disk" })),
      { code: "TASK_FAILED", message: "to-disk failed: disk full" },
    );
  }
});

test("foreachRDD that throws fails the batch by name, sync and async", async () => {
  const boom = new RangeError("disk full");
  for (const f of [
    () => {
      throw boom;
    },
    async () => {
      throw boom;
    },
  ]) {
    await assert.rejects(
      runGraph((ssc) => ssc.queueStream([[1]]).foreachRDD(f)),
      (error) => {
        const { code, message, cause } = error as Error & { code: string };
        assert.equal(code, "OUTPUT_FAILED");
        assert.match(message, /^foreachRDD at outputs\.test\.ts:\d+:\d+ failed: disk full$/);
        assert.equal(cause, boom, "on the driver the cause is the user's error itself");
        return true;
      },
    );
  }
});

test("two outputs of one name are refused, and so is an empty name", async () => {
  await assert.rejects(
    runGraph((ssc) => {
      const stream = ssc.queueStream([[1]]);
      stream.foreachRDD(() => {}, { name: "same" });
      stream.foreachPartition(() => {}, { name: "same" });
    }),
    {
      code: "BAD_OPTION",
      message: /Two outputs are named "same"; the second one is foreachPartition at outputs\.test\.ts/,
    },
  );
  await assert.rejects(
    runGraph((ssc) => ssc.queueStream([[1]]).foreachRDD(() => {}, { name: "" })),
    { code: "BAD_OPTION", message: /"name" must be a text that is not empty/ },
  );
});

test("pprint prints the first values of a batch in Spark's layout", async (t) => {
  const printed: string[] = [];
  t.mock.method(console, "log", (text: string) => printed.push(text));
  await runGraph((ssc) => {
    const stream = ssc.queueStream<unknown>([["plain text", { a: 1 }, ["pair", 2]]]);
    stream.pprint();
    stream.pprint(2);
  });
  t.mock.restoreAll();
  const line = "-".repeat(43);
  const [all, two] = printed.map((text) => text.split("\n"));
  assert.match(all![1]!, /^Time: \d{4}-\d\d-\d\dT[\d:.]+Z$/);
  assert.deepEqual(all!.toSpliced(1, 1), [line, line, "plain text", "{ a: 1 }", "[ 'pair', 2 ]", ""]);
  assert.deepEqual(two!.slice(3), ["plain text", "{ a: 1 }", "...", ""]);
});
