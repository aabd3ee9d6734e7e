import assert from "node:assert/strict";
import { test } from "node:test";
import { type DStream, defineJob, KafkaUtils } from "millrace";
import { runPipeline, testJob } from "millrace/testing";

/** What Spark's own tests of windows do not show; those are in test/spark/. Interval 0.5 s, one list per batch. */

const everyHalfSecond = { batchInterval: "500ms" } as const;
const upTo = (n: number) => Array.from({ length: n }, (_, i) => i);

/** One list per batch, then empty batches until the last window has passed. */
const batches = <T>(lists: T[][], empty: number): T[][] => [...lists, ...Array.from({ length: empty }, () => [])];

test("a window slides by more than one batch: between two slides it gives nothing", async () => {
  const lists = [1, 2, 3, 4, 5, 6].map(upTo);
  const pairs = (s: DStream<number>) => s.map((x) => [x, 1]);
  const reduce = (s: DStream<number>) =>
    pairs(s)
      .reduceByKeyAndWindow((a, b) => a + b, { name: "sums", window: "5s", slide: "1s" })
      .filter(([, n]) => n > 0);
  const results = await runPipeline(batches(lists, 6), reduce, everyHalfSecond);
  assert.deepEqual(
    results.map(({ length }) => length),
    [0, 2, 0, 4, 0, 6, 0, 6, 0, 6, 0, 6],
  );
});

test("a window of a windowed stream slides with it, unless it says otherwise", async () => {
  const lists = [[1], [2], [3], [4], [5], [6]];
  const everySecond = (s: DStream<number>) => s.window("1s", "1s");
  const ofWindow = await runPipeline(lists, (s) => everySecond(s).window("2s"), everyHalfSecond);
  assert.deepEqual(ofWindow, [[], [1, 2], [], [1, 2, 3, 4], [], [3, 4, 5, 6]]);
  const byName = (s: DStream<number>) => everySecond(s).countByWindow({ name: "counts", window: "2s" });
  assert.deepEqual(await runPipeline(lists, byName, everyHalfSecond), [[], [2], [], [4], [], [4]]);
  const everyBatch = (s: DStream<number>) => everySecond(s).window("2s", "500ms");
  assert.deepEqual((await runPipeline(lists, everyBatch, everyHalfSecond))[4], [1, 2, 3, 4]);
});

test("between two slides nothing behind a window runs, as in Spark: no output, no state, and no count of nothing", async () => {
  const ran: string[] = [];
  const note = (what: string, values: readonly unknown[], time: number) => void ran.push(`${what} ${time}: ${values}`);
  const calls: string[] = [];
  const job = defineJob({ appName: "slides", batchInterval: "1s" }, (ssc) => {
    const numbers = ssc.queueStream([[1], [2], [3], [], [5]], { numPartitions: 2 });
    const behind = numbers.window("3s", "2s");
    behind.count().foreachRDD(async (rdd, time) => note("count", await rdd.collect(), time), { name: "counts" });
    behind.foreachPartition(async (_, { batchTime }) => note("partition", [], batchTime));
    const pairs = behind.map((n): [string, number] => ["sum", n]);
    pairs
      .updateStateByKey<number>(
        (values, sum = 0) => {
          calls.push(`update ${values}`);
          return values.reduce((a, b) => a + b, sum);
        },
        { name: "sums" },
      )
      .foreachRDD(async (rdd, time) => note("state", await rdd.collect(), time));
    const joined = numbers
      .map((n): [number, string] => [n, ""])
      .fullOuterJoin(behind.map((n): [number, string] => [n, ""]));
    joined.count().foreachRDD(async (rdd, time) => note("joined", await rdd.collect(), time));
  });
  await using run = await testJob(job, { topics: {} });
  for (let tick = 0; tick < 4; tick++) {
    await run.tick();
    assert.deepEqual(run.output("counts").length, tick % 2, "what an output got in the last batch");
  }
  assert.deepEqual(
    ran.filter((what) => !what.startsWith("partition")),
    ["joined 1000: 1", "count 2000: 2", "state 2000: sum,3", "joined 2000: 2"].concat([
      "joined 3000: 1",
      "count 4000: 2",
      "state 4000: sum,8",
      "joined 4000: 2",
    ]),
  );
  assert.deepEqual(calls, ["update 1,2", "update 2,3"]);
  assert.deepEqual(
    new Set(ran.filter((what) => what.startsWith("partition"))),
    new Set(["partition 2000: ", "partition 4000: "]),
  );
});

test("between two slides there is not even a count of nothing, for a window behind it, a state, or a union", async () => {
  const everySecond = (s: DStream<number>) => s.window("2s", "2s").count();
  const numbers = [[1, 2], [3], [4], []];
  const behind = (counts: DStream<number>) =>
    counts
      .map((n) => [String(n), 1])
      .updateStateByKey<number>((ones, sum = 0) => sum + ones.length, { name: "counts" });
  assert.deepEqual(await runPipeline(numbers, (s) => everySecond(s).window("3s", "1s")), [[], [3], [3], [3, 1]]);
  assert.deepEqual(await runPipeline(numbers, (s) => behind(everySecond(s))), [
    [],
    [["3", 1]],
    [],
    [
      ["3", 1],
      ["1", 1],
    ],
  ]);
  assert.deepEqual(await runPipeline(numbers, (s) => s.union(everySecond(s))), [[1, 2], [3, 3], [4], [1]]);
});

test("with the inverse a key stays with its neutral value, until the filter drops it", async () => {
  const lists: [string, number][][] = [[["a", 1]], [["b", 2]], [], []];
  const options = { name: "sums", window: "1s", slide: "500ms", inverse: (a: number, b: number) => a - b } as const;
  const add = (a: number, b: number) => a + b;
  const kept = await runPipeline(lists, (s) => s.reduceByKeyAndWindow(add, options), everyHalfSecond);
  assert.deepEqual(kept, [
    [["a", 1]],
    [
      ["a", 1],
      ["b", 2],
    ],
    [
      ["a", 0],
      ["b", 2],
    ],
    [
      ["a", 0],
      ["b", 0],
    ],
  ]);
  const filter = (_key: string, sum: number) => sum > 0;
  const dropped = await runPipeline(lists, (s) => s.reduceByKeyAndWindow(add, { ...options, filter }), everyHalfSecond);
  assert.deepEqual(dropped, [
    [["a", 1]],
    [
      ["a", 1],
      ["b", 2],
    ],
    [["b", 2]],
    [],
  ]);
});

test("reduceByWindow gives one value, and none for a window without values", async () => {
  const reduce = (s: DStream<number>) => s.reduceByWindow((a, b) => a + b, { name: "sum", window: "1s" });
  assert.deepEqual(await runPipeline([[1, 2], [3], [], [], [4]], reduce, everyHalfSecond), [[3], [6], [3], [], [4]]);
});

test("windows and slides that are no multiple of the batch interval are refused", async () => {
  const bad = (window: "100ms" | "1s", slide: "100ms" | "500ms") =>
    runPipeline([[1]], (s: DStream<number>) => s.window(window, slide), everyHalfSecond);
  await assert.rejects(bad("100ms", "500ms"), { code: "BAD_OPTION", message: /the window of 100 ms is no multiple/ });
  await assert.rejects(bad("1s", "100ms"), { code: "BAD_OPTION", message: /the slide of 100 ms/ });
});

/** A batch that fails once takes ten seconds: the ticks of that time are missed. */
const longPause = { taskMaxFailures: 1, failedBatch: { retry: 1, backoff: "10s" } } as const;

const everySecond = (build: (numbers: DStream<number>) => void) =>
  defineJob({ appName: "windows", batchInterval: "1s", ...longPause }, (ssc) => {
    const kafka = { "bootstrap.servers": "nowhere.invalid:9092", "auto.offset.reset": "earliest" } as const;
    build(KafkaUtils.createDirectStream(ssc, ["numbers"], kafka).map(({ value }) => Number(value)));
  });

const sent = (...numbers: number[]) => ({ numbers: { records: numbers.map((n) => ({ value: String(n) })) } });

test("missed ticks pass over no window that holds something, and over all that hold nothing", async () => {
  const given: { [name: string]: unknown[] } = { counts: [], raw: [], sparse: [] };
  const job = everySecond((numbers) => {
    const take = (name: string, stream: DStream<unknown>) =>
      stream.foreachRDD(async (rdd, time) => {
        const values = await rdd.collect();
        if (values.length > 0) given[name]!.push([time, ...values]);
      });
    take(
      "counts",
      numbers.countByWindow({ name: "counts", window: "3s", slide: "3s" }).filter((n) => n > 0),
    );
    take("raw", numbers.window("3s", "3s"));
    take("sparse", numbers.window("1s", "3s"));
  });
  await using run = await testJob(job, { topics: sent(1, 2) });
  run.fail("task");
  const times = [(await run.tick()).batchTime];
  assert.equal(run.now, 11_000);
  run.send("numbers", [{ value: "3" }]);
  await run.restart();
  for (let tick = 0; tick < 3; tick++) times.push((await run.tick()).batchTime);
  assert.deepEqual(times, [1000, 3000, 11_000, 12_000]);
  assert.deepEqual(given, {
    counts: [[3000, 3]],
    raw: [[3000, 1, 2, 3]],
    sparse: [[3000, 3]],
  });
});

test("a state behind a window has as many partitions as the stream, also when it begins between two slides", async () => {
  const counts: { [name: string]: number[] } = {};
  const job = everySecond((numbers) => {
    const windows = numbers.window("4s", "2s").map((n): [number, number] => [n, n]);
    const states = {
      updated: windows.updateStateByKey<number>((values) => values.length, { name: "updated" }),
      windowed: windows
        .reduceByKey((a, b) => a + b)
        .countByValueAndWindow({ name: "windowed", window: "4s", slide: "1s" }),
    };
    for (const [name, stream] of Object.entries(states)) {
      counts[name] = [];
      stream.foreachRDD((rdd) => void counts[name]!.push(rdd.getNumPartitions()));
    }
  });
  await using run = await testJob(job, { topics: { numbers: { partitions: 3, records: sent(1, 2).numbers.records } } });
  for (let tick = 0; tick < 3; tick++) await run.tick();
  assert.deepEqual(counts, { updated: [3], windowed: [3, 3, 3] });
});

test("a window that ends in a batch that is left out comes with the next one, without the records that are left out", async () => {
  const given: { [name: string]: unknown[] } = { counts: [], raw: [] };
  const leftOut = { otherwise: "continue", acceptGapInState: true } as const;
  const job = defineJob(
    { appName: "windows", batchInterval: "1s", taskMaxFailures: 1, failedBatch: leftOut },
    (ssc) => {
      const kafka = { "bootstrap.servers": "nowhere.invalid:9092", "auto.offset.reset": "earliest" } as const;
      const numbers = KafkaUtils.createDirectStream(ssc, ["numbers"], kafka).map(({ value }) => Number(value));
      const take = (name: string, stream: DStream<unknown>) =>
        stream.foreachRDD(async (rdd, time) => {
          const values = await rdd.collect();
          if (values.length > 0) given[name]!.push([time, ...values]);
        });
      const counts = { name: "counts", window: "3s", slide: "3s" } as const;
      take(
        "counts",
        numbers.countByWindow(counts).filter((n) => n > 0),
      );
      take("raw", numbers.window("3s", "3s"));
    },
  );
  await using run = await testJob(job, { topics: sent(1, 2) });
  const next = async (...numbers: number[]) => {
    run.send("numbers", sent(...numbers).numbers.records);
    return (await run.tick()).failure?.message;
  };
  await run.tick();
  await next(3);
  run.fail("task");
  assert.match((await next(4)) ?? "", /the test asked for it/);
  assert.deepEqual(given, { counts: [], raw: [] });
  // What counts as given is in the checkpoint.
  await run.restart();
  await next(5);
  assert.deepEqual(given, { counts: [[4000, 3]], raw: [[4000, 1, 2, 3]] });
  await next(6);
  await next(7);
  assert.deepEqual(given, {
    counts: [
      [4000, 3],
      [6000, 3],
    ],
    raw: [
      [4000, 1, 2, 3],
      [6000, 5, 6, 7],
    ],
  });
});

test("a window takes missed ticks for empty: what came before them has left it, and the batch after them tells how many", async () => {
  const given: unknown[] = [];
  const job = everySecond((numbers) => {
    const take = (stream: DStream<unknown>) =>
      stream.foreachRDD(async (rdd, time) => void given.push([time, ...(await rdd.collect())]));
    take(numbers.window("3s"));
    take(numbers.countByWindow({ name: "counts", window: "3s" }));
    take(numbers.map((n) => [0, n]).reduceByKeyAndWindow((a, b) => a + b, { name: "sums", window: "3s" }));
  });
  await using run = await testJob(job, { topics: sent(1) });
  await run.tick();
  run.send("numbers", sent(2).numbers.records);
  run.fail("task");
  await run.tick();
  assert.equal(run.now, 12_000);
  given.splice(0);
  run.send("numbers", sent(5).numbers.records);
  assert.equal((await run.tick()).missedTicks, 9);
  assert.deepEqual(given, [
    [12_000, 5],
    [12_000, 1],
    [12_000, [0, 5]],
  ]);
});
