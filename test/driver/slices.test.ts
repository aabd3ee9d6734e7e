/** What a stream was in earlier batches. */
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import {
  type BatchRDD,
  type DStream,
  defineJob,
  type JobContext,
  type JobOptions,
  KafkaUtils,
  StreamingContext,
} from "millrace";
import { testJob } from "millrace/testing";
import sliced, { seen } from "../fixtures/jobs/sliced.ts";
import { assertRefused } from "../helpers/assert-error.ts";

const kafka = { "bootstrap.servers": "nowhere.invalid:9092", "auto.offset.reset": "earliest" } as const;

type Build = (numbers: DStream<number>, ssc: JobContext) => void;

/** A job over a stream of numbers, with a batch a second. */
const everySecond = (build: Build, options: Partial<JobOptions<{}>> = {}) =>
  defineJob({ appName: "slices", batchInterval: "1s", taskMaxFailures: 1, ...options }, (ssc) => {
    build(
      KafkaUtils.createDirectStream(ssc, ["numbers"], kafka).map(({ value }) => Number(value)),
      ssc,
    );
  });

/** Runs batches that have a number each: 1, 2, 3 ... */
async function runBatches(job: ReturnType<typeof everySecond>, count: number) {
  await using run = await testJob(job, { topics: { numbers: {} } });
  for (let n = 1; n <= count; n++) {
    run.send("numbers", [{ value: String(n) }]);
    await run.tick();
  }
}

const collectAll = async <T>(rdds: readonly BatchRDD<T>[]): Promise<T[][]> => {
  const values: T[][] = [];
  for (const rdd of rdds) values.push(await rdd.collect());
  return values;
};

beforeEach(() => {
  seen.length = 0;
});

for (const master of ["local", "local[2]"] as const) {
  test(`a slice has the batches of its times as they were, shuffles, windows and transforms included, on ${master}`, async () => {
    await using run = await testJob(sliced, { topics: { numbers: { partitions: 2 } }, master });
    const batches = [[1, 2], [3], [], [4, 5]];
    for (const [i, values] of batches.entries()) {
      run.send(
        "numbers",
        values.map((n) => ({ value: String(n), partition: n % 2 })),
      );
      // What a restart leaves are the plans: the batches are read again.
      if (i === 3) await run.restart();
      await run.tick();
    }
    assert.deepEqual(seen, [
      { batch: [["0:0-1 1:0-1", [[1, 3]]]], windows: [[1, 2]] },
      {
        batch: [
          ["0:0-1 1:0-1", [[1, 3]]],
          ["0:1-1 1:1-2", [[2, 3]]],
        ],
        windows: [
          [1, 2],
          [1, 2, 3],
        ],
      },
      {
        batch: [
          ["0:0-1 1:0-1", [[1, 3]]],
          ["0:1-1 1:1-2", [[2, 3]]],
          ["0:1-1 1:2-2", []],
        ],
        windows: [[1, 2], [1, 2, 3], [3]],
      },
      {
        batch: [
          ["0:1-1 1:1-2", [[2, 3]]],
          ["0:1-1 1:2-2", []],
          ["0:1-2 1:2-3", [[4, 9]]],
        ],
        windows: [[1, 2, 3], [3], [4, 5]],
      },
    ]);
  });
}

test("the times count from the tick before; what is not there is passed over: before the start, missed, still to come", async () => {
  const slices: number[][][] = [];
  const failsOnce = { failedBatch: { retry: 1, backoff: "2s" } } as const;
  const job = everySecond((numbers, ssc) => {
    ssc.remember("1m");
    numbers.foreachRDD(async (_rdd, time) => {
      slices.push(
        await collectAll(numbers.slice(-5000, time - 1)),
        await collectAll(numbers.slice(1999, time + 60_000)),
      );
      assert.deepEqual(numbers.slice(time, time - 1), []);
    });
  }, failsOnce);
  await using run = await testJob(job, { topics: { numbers: {} } });
  for (let n = 1; n <= 3; n++) {
    if (n === 2) run.fail("task");
    run.send("numbers", [{ value: String(n) }]);
    assert.equal((await run.tick()).batchTime, [1000, 2000, 4000][n - 1]);
  }
  assert.deepEqual(slices, [[], [[1]], [[1]], [[1], [2]], [[1], [2]], [[1], [2], [3]]]);
});

test("an earlier batch that is not remembered is refused, with how long batches are", async () => {
  for (const [remember, kept, message] of [
    [
      undefined,
      1,
      /map at .*slices\.test\.ts.* was asked for from 1970-01-01T00:00:02\.000Z on, but no batch is remembered/,
    ],
    [2000, 3, /batches are remembered for 2000 ms, and one of these is no longer/],
  ] as const) {
    const job = everySecond((numbers, ssc) => {
      if (remember !== undefined) ssc.remember(remember);
      numbers.foreachRDD(async (_rdd, time) => {
        const last = await collectAll(numbers.slice(time - (kept - 1) * 1000, time));
        assert.equal(last.length, Math.min(kept, time / 1000));
        if (time === 3000 + (kept - 1) * 1000) numbers.slice(time - kept * 1000, time);
      });
    });
    await assertRefused(runBatches(job, 5), "NOT_REMEMBERED", message, /ssc\.remember\("10m"\)/);
  }
});

test("between two slides of a window there is no RDD, as there is no output", async () => {
  const slices: number[][][] = [];
  const job = everySecond((numbers, ssc) => {
    ssc.remember("1m");
    const sliding = numbers.window("3s", "2s");
    const idle = numbers.window("3s", "2s");
    sliding.foreachRDD(() => {});
    numbers.foreachRDD(async (_rdd, time) => {
      const both = [await collectAll(sliding.slice(0, time)), await collectAll(idle.slice(0, time))];
      assert.deepEqual(both[0], both[1]);
      slices.push(both[0]!);
    });
  });
  await runBatches(job, 4);
  assert.deepEqual(slices, [
    [],
    [[1, 2]],
    [[1, 2]],
    [
      [1, 2],
      [2, 3, 4],
    ],
  ]);
});

test("a window that looks back on forgotten batches is refused, not cut short", async () => {
  const windows: number[][][] = [];
  const job = everySecond((numbers) => {
    const held = numbers.window("3s");
    numbers.foreachRDD(async (_rdd, time) => void windows.push(await collectAll(held.slice(time, time))));
  });
  await assertRefused(runBatches(job, 3), "NOT_REMEMBERED", /window at .*no batch is remembered/, /remember/);
  assert.deepEqual(windows, [[[1]]]);
});

test("of a stream with state only the batch under way has an RDD; of earlier ones it says what is gone", async () => {
  const now: number[][][] = [];
  const job = everySecond((numbers, ssc) => {
    ssc.remember("1m");
    const sums = numbers
      .map((n): [string, number] => ["sum", n])
      .updateStateByKey<number>((values, sum = 0) => values.reduce((a, b) => a + b, sum), { name: "sums" })
      .map(([, sum]) => sum);
    sums.foreachRDD(async (_rdd, time) => {
      now.push(await collectAll(sums.slice(time, time)));
      if (time === 2000) sums.slice(1000, 2000);
    });
  });
  await assertRefused(
    runBatches(job, 2),

    "NOT_REMEMBERED",
    /what updateStateByKey at .* gave then is gone: its state "sums" has moved on/,
    /before the state/,
  );
  assert.deepEqual(now, [[[1]], [[3]]]);
});

test("a stream that no output uses is in no batch", async () => {
  for (const [what, sliceOf] of [
    [/no output uses the stream "others"/, (_: DStream<number>, others: DStream<unknown>) => others],
    [
      /no output uses the state "idle"/,
      (numbers: DStream<number>) =>
        numbers.map((n): [number, number] => [n, n]).updateStateByKey<number>(() => 1, { name: "idle" }),
    ],
  ] as const) {
    const job = everySecond((numbers, ssc) => {
      const asked = sliceOf(numbers, KafkaUtils.createDirectStream(ssc, ["others"], kafka));
      numbers.foreachRDD((_rdd, time) => void asked.slice(time, time));
    });
    await assertRefused(runBatches(job, 1), "NOT_REMEMBERED", what, /foreachRDD/);
  }
});

test("an action on an earlier batch must be awaited, and its RDD is dead after the batch that asked", async () => {
  const dropped = everySecond((numbers, ssc) => {
    ssc.remember("1m");
    numbers.foreachRDD((_rdd, time) => {
      for (const rdd of numbers.slice(0, time - 1)) void rdd.count();
    });
  });
  await assert.rejects(runBatches(dropped, 2), { code: "ACTION_NOT_AWAITED" });
  const held: BatchRDD<number>[] = [];
  const kept = everySecond((numbers, ssc) => {
    ssc.remember("1m");
    numbers.foreachRDD(async (_rdd, time) => {
      for (const rdd of held.splice(0)) await assert.rejects(rdd.collect(), { code: "ACTION_AFTER_BATCH" });
      held.push(...numbers.slice(0, time));
    });
  });
  await runBatches(kept, 3);
  assert.equal(held.length, 3);
  assert.throws(() => held[0]!.offsetRanges(), { code: "ACTION_AFTER_BATCH" });
});

test("an earlier batch can be iterated, partition by partition, its shuffle made once", async () => {
  const rows: [number, number][] = [];
  let mapped = 0;
  const job = everySecond((numbers, ssc) => {
    ssc.remember("1m");
    const pairs = numbers
      .map((n): [number, number] => {
        mapped++;
        return [n, 1];
      })
      .reduceByKey((a, b) => a + b, { numPartitions: 4 });
    numbers.foreachRDD(async (_rdd, time) => {
      if (time < 3000) return;
      for (const rdd of pairs.slice(1000, 2000)) {
        assert.equal(rdd.getNumPartitions(), 4);
        for await (const row of rdd) rows.push(row);
      }
    });
  });
  await runBatches(job, 3);
  assert.deepEqual(rows, [
    [1, 1],
    [2, 1],
  ]);
  assert.equal(mapped, 2);
});

test("onDriver sees completed batches; what their tasks add to an accumulator has counted before", async () => {
  const asked = Promise.withResolvers<void>();
  const result = Promise.withResolvers<[number[][], number]>();
  const job = everySecond((numbers, ssc) => {
    ssc.remember("1m");
    const seen = ssc.accumulator("seen");
    const counted = numbers.map((n) => {
      seen.add(1);
      return n;
    });
    counted.foreachPartition(async (values) => {
      for await (const _ of values);
    });
    ssc.onDriver(async () => {
      await asked.promise;
      result.resolve([await collectAll(counted.slice(0, 60_000)), seen.value]);
    });
  });
  await using run = await testJob(job, { topics: { numbers: {} } });
  for (const value of ["1", "2"]) {
    run.send("numbers", [{ value }]);
    await run.tick();
  }
  asked.resolve();
  assert.deepEqual(await result.promise, [[[1], [2]], 2]);
  await run.tick();
});

test("a slice is refused while the graph is described, before the start, and inside transform", async () => {
  const building = everySecond((numbers) => void numbers.slice(0, 1));
  await assert.rejects(runBatches(building, 1), { code: "ACTION_IN_TRANSFORM" });
  const script = new StreamingContext({ appName: "script", batchInterval: "1s" });
  assert.throws(() => script.queueStream([[1]]).slice(0, 1), { code: "WRONG_STATE" });
  const transforming = everySecond((numbers) => {
    numbers
      .transform((rdd, time) => {
        numbers.slice(0, time);
        return rdd;
      })
      .foreachRDD((rdd) => rdd.count().then(() => {}));
  });
  await assert.rejects(runBatches(transforming, 1), { code: "ACTION_IN_TRANSFORM" });
  const wrong = everySecond((numbers) => {
    numbers.foreachRDD(() => void numbers.slice(new Date() as never, Number.NaN));
  });
  await assertRefused(runBatches(wrong, 1), "BAD_OPTION", /two batch times in milliseconds/, /slice\(time/);
});

test("remember is said once, with a time", async () => {
  const twice = everySecond((numbers, ssc) => {
    ssc.remember("10s");
    ssc.remember("20s");
    numbers.pprint();
  });
  await assert.rejects(runBatches(twice, 1), {
    code: "BAD_OPTION",
    message: /remember at .* batches are remembered for 10000 ms/,
  });
  const never = everySecond((numbers, ssc) => {
    ssc.remember(0);
    numbers.pprint();
  });
  await assert.rejects(runBatches(never, 1), { code: "BAD_OPTION", message: /remember/ });
});
