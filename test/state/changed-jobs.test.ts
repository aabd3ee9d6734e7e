import assert from "node:assert/strict";
import { test } from "node:test";
import { type DStream, defineJob, type EngineOptions, type JobContext, type JobOptions, KafkaUtils } from "millrace";
import { testJob } from "millrace/testing";

/** What looks back on earlier batches, when a driver that finds them written down is not the one that wrote them, or has another job. */

const kafka = { "bootstrap.servers": "nowhere.invalid:9092", "auto.offset.reset": "earliest" } as const;
const add = (a: number, b: number) => a + b;
const numbers = (...list: number[]) => list.map((n) => ({ key: `k${n % 2}`, value: String(n) }));

type Pairs = DStream<[string, number]>;

function job(build: (pairs: Pairs, ssc: JobContext) => void, options: Partial<JobOptions<{}> & EngineOptions> = {}) {
  return defineJob({ appName: "changed", batchInterval: "1s", ...options }, (ssc) => {
    const stream = KafkaUtils.createDirectStream(ssc, ["numbers"], kafka);
    build(
      stream.map(({ key, value }): [string, number] => [String(key), Number(value)]),
      ssc,
    );
  });
}

const sums = (pairs: Pairs, name: string) =>
  pairs
    .updateStateByKey<number>((values, sum = 0) => values.reduce(add, sum), { name })
    .foreachRDD(async (rdd) => void (await rdd.count()), { name });

test("a window of a window holds the same after a restart, also of the first batch, which had none before it", async () => {
  const windows = job((pairs) =>
    pairs
      .map(([, n]) => n)
      .window("2s", "2s")
      .window("4s", "2s")
      .foreachRDD(async (rdd) => void (await rdd.count()), { name: "numbers" }),
  );
  await using run = await testJob(windows, { topics: { numbers: { records: numbers(1, 2) } } });
  // So that the first batch, at 2 s, ends a window.
  await run.crash("before plan");
  await run.restart();
  await run.tick();
  run.send("numbers", numbers(3));
  await run.tick();
  await run.restart();
  await run.tick();
  assert.deepEqual(run.output("numbers"), [1, 2, 3]);
});

test("what windows hold is read again as often as a batch may run again", async () => {
  const windows = job(
    (pairs) => pairs.window("5s").foreachRDD(async (rdd) => void (await rdd.count()), { name: "w" }),
    {
      failedBatch: { retry: 1 },
      taskMaxFailures: 1,
    },
  );
  await using run = await testJob(windows, { topics: { numbers: { records: numbers(1, 2) } } });
  await run.tick();
  run.fail("task");
  await run.restart();
  await run.tick();
  assert.deepEqual(run.output("w"), [
    ["k1", 1],
    ["k0", 2],
  ]);
});

test("a batch that another graph has planned runs with the states of the one that accepted it", async () => {
  const before = job((pairs) => ["kept", "dropped"].map((name) => sums(pairs, name)));
  const after = job((pairs) => ["kept", "added"].map((name) => sums(pairs, name)), { acceptChangedGraph: true });
  await using run = await testJob(before, { topics: { numbers: { records: numbers(1, 2) } } });
  await run.tick();
  run.send("numbers", numbers(3, 4));
  await run.crash("after tasks");
  await run.restart(after);
  await run.tick();
  assert.deepEqual([...run.state("kept")].sort(), [
    ["k0", 6],
    ["k1", 4],
  ]);
  assert.deepEqual([...run.state("added")].sort(), [
    ["k0", 4],
    ["k1", 3],
  ]);
  run.send("numbers", numbers(5));
  await run.tick();
  assert.deepEqual([...run.state("added")].sort(), [
    ["k0", 4],
    ["k1", 8],
  ]);
});

test("the batch of another graph is planned for the new states before it runs: a crash in it finds them", async () => {
  const before = job((pairs) => sums(pairs, "kept"));
  const after = (accept: boolean) =>
    job((pairs) => ["kept", "added"].map((name) => sums(pairs, name)), { acceptChangedGraph: accept });
  await using run = await testJob(before, { topics: { numbers: { records: numbers(1, 2) } } });
  await run.crash("after plan");
  await run.restart(after(true));
  await run.crash("after tasks");
  await run.restart(after(false));
  await run.tick();
  assert.deepEqual([...run.state("added")].sort(), [
    ["k0", 2],
    ["k1", 1],
  ]);
});

test("a state that another operation has written ends the job, also where failed batches are left out", async () => {
  const failedBatch = { otherwise: "continue", acceptGapInState: true } as const;
  const before = job((pairs) => sums(pairs, "state"), { failedBatch, acceptChangedGraph: true });
  const after = job(
    (pairs) =>
      pairs
        .mapWithState((_key, n: number | undefined, state) => state.update(n ?? 0), { name: "state" })
        .foreachRDD(async (rdd) => void (await rdd.count())),
    { failedBatch },
  );
  await using run = await testJob(before, { topics: { numbers: { records: numbers(1, 2) } } });
  await run.tick();
  await run.restart(after);
  run.send("numbers", numbers(3));
  await assert.rejects(run.tick(), { code: "STATE_DIFFERS" });
  await run.restart(before);
  await run.tick();
  assert.deepEqual([...run.state("state")].sort(), [
    ["k0", 2],
    ["k1", 4],
  ]);
});

test("a batch of a job with states runs without any by one that has dropped them all", async () => {
  const before = job((pairs) => sums(pairs, "dropped"));
  const after = job((pairs) => pairs.foreachRDD(async (rdd) => void (await rdd.count()), { name: "pairs" }), {
    acceptChangedGraph: true,
  });
  await using run = await testJob(before, { topics: { numbers: { records: numbers(1) } } });
  await run.tick();
  run.send("numbers", numbers(2));
  await run.crash("after tasks");
  await run.restart(after);
  assert.deepEqual((await run.tick()).seq, 2);
  assert.deepEqual(run.output("pairs"), [["k0", 2]]);
  await run.restart(before);
  run.send("numbers", numbers(3));
  await run.tick();
  assert.deepEqual([...run.state("dropped")], [["k1", 3]], "it begins anew");
});
