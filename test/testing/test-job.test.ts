import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type ConsumerRecord,
  defineJob,
  type JobContext,
  type JobOptions,
  type KafkaParams,
  KafkaUtils,
  MillraceError,
} from "millrace";
import { defineSink } from "millrace/sinks";
import { type Border, type TestRun, testJob } from "millrace/testing";
import { partitionOfKey } from "../../src/kafka/writing/murmur2.ts";
import orders, { seen } from "../fixtures/jobs/orders-under-test.ts";
import totals from "../fixtures/jobs/totals-under-test.ts";
import { assertNothingLeft } from "../helpers/open-resources.ts";

const kafka: KafkaParams = { "bootstrap.servers": "nowhere.invalid:9092", "auto.offset.reset": "earliest" };

const order = (user: string, cents: number) => ({ key: user, value: { user, cents } });

/** A job that a test defines itself. */
function job(build: (ssc: JobContext) => void, options: Partial<JobOptions<{}>> = {}) {
  return defineJob({ appName: "test", batchInterval: "1s", ...options }, build);
}

const values = (ssc: JobContext, topic = "numbers") =>
  KafkaUtils.createDirectStream(ssc, [topic], kafka).map(({ value }) => Number(value));

const numbers = (...list: number[]) => list.map((n) => ({ value: String(n) }));

test("one tick is one batch, through the job's own decoders and params, with the time of the clock", async () => {
  await using run = await testJob(orders, { topics: { orders: { partitions: 2 } }, params: { minimum: 5 } });
  assert.equal(run.now, 0);
  run.send("orders", [order("ann", 7), order("bob", 3), { value: '{ "user": "ann", "cents": 5 }' }]);
  const batch = await run.tick();
  assert.deepEqual([run.now, batch.batchTime, batch.seq, batch.inputs[0]?.records], [5000, 5000, 1, 3]);
  assert.deepEqual(run.output("sums"), [["ann", 12]]);
  assert.equal((await run.tick()).batchTime, 10_000);
  assert.deepEqual(run.output("sums"), []);
});

for (const master of ["local", "local[2]"] as const) {
  test(`output gives what each kind of output got, on ${master}`, async () => {
    await using run = await testJob(orders, { topics: { orders: { partitions: 2 } }, master });
    assert.deepEqual(run.output("sums"), []);
    run.send("orders", [
      { ...order("ann", 1), partition: 0 },
      { ...order("ann", 2), partition: 0 },
      { ...order("ann", 3), partition: 1, timestamp: 77, headers: { a: "b" } },
    ]);
    await run.tick();
    assert.deepEqual(run.output("sums"), [["ann", 6]]);
    const offsets = run.output<[number, number]>("offsets");
    assert.deepEqual(
      offsets.map(([offset]) => offset),
      [0, 1, 0],
    );
    assert.ok(
      offsets.every(([, executorId]) => executorId >= 0 === (master !== "local")),
      "tasks run where master says",
    );
    const records = run.output<ConsumerRecord<string, { cents: number }>>("records");
    assert.deepEqual(
      records.map(({ key, value, timestamp }) => [key, value.cents, timestamp]),
      [
        ["ann", 1, 0],
        ["ann", 2, 0],
        ["ann", 3, 77],
      ],
    );
    assert.deepEqual(
      records[2]?.headers.map(({ key, value }) => [key, String(value && Buffer.from(value))]),
      [["a", "b"]],
    );
  });
}

const borders: { at: Border; offsetsAfterCrash: number; runs: number; pending: boolean }[] = [
  { at: "before plan", offsetsAfterCrash: 0, runs: 1, pending: false },
  { at: "after plan", offsetsAfterCrash: 0, runs: 1, pending: true },
  { at: "after tasks", offsetsAfterCrash: 0, runs: 1, pending: true },
  { at: "after outputs", offsetsAfterCrash: 2, runs: 2, pending: true },
  { at: "after completion", offsetsAfterCrash: 2, runs: 1, pending: false },
];

for (const { at, offsetsAfterCrash, runs, pending } of borders) {
  test(`a driver that dies ${at} has done what comes before, and the next one does the rest`, async () => {
    seen.length = 0;
    await using run = await testJob(orders, { topics: { orders: { partitions: 2 } } });
    await run.tick();
    run.send("orders", [order("ann", 1), order("bob", 2)]);
    const death = await run.crash(at);
    assert.deepEqual([death.code, death.message], ["STOPPED", `The driver died ${at}: the test asked for it.`]);
    assert.equal(run.now, 10_000);
    assert.equal(run.output("offsets").length, offsetsAfterCrash);
    assert.equal(run.output("sums").length, offsetsAfterCrash);
    assert.throws(() => run.tick(), { code: "WRONG_STATE", message: /The driver died/, hint: /restart/ });
    run.send("orders", [order("ann", 5)]);
    await run.restart();
    assert.equal(run.now, 10_000);

    const batch = await run.tick();
    if (pending) {
      assert.deepEqual([batch.seq, batch.batchTime, batch.inputs[0]?.records, run.now], [2, 10_000, 2, 10_000]);
      assert.deepEqual(Object.fromEntries(run.output<[string, number]>("sums")), { ann: 1, bob: 2 });
      await run.tick();
    }
    const last = at === "before plan" ? { seq: 2, ann: 6, now: 10_000 } : { seq: 3, ann: 5, now: 15_000 };
    assert.equal(new Map(run.output<[string, number]>("sums")).get("ann"), last.ann);
    assert.equal(run.now, last.now);
    assert.equal(seen.at(-1)?.seq, last.seq);
    assert.equal(seen.filter(({ seq }) => seq === 2).length, runs, "foreachRDD is at least once");
    assert.deepEqual([...new Set(seen.map(({ epoch }) => epoch))], [1, 2]);
  });
}

test("a crash before the plan of a batch that is planned already leaves it as it was", async () => {
  await using run = await testJob(orders, { topics: { orders: {} } });
  run.send("orders", [order("ann", 1)]);
  await run.crash("after outputs");
  await run.restart();
  await run.crash("before plan");
  await run.restart();
  assert.equal((await run.tick()).seq, 1);
  assert.deepEqual(run.output("sums"), [["ann", 1]]);
});

test("a crash on threads ends them, and the batch runs again by its plan", async () => {
  await using run = await testJob(orders, { topics: { orders: { partitions: 2 } }, master: "local[2]" });
  run.send("orders", [order("ann", 1), order("bob", 2)]);
  await run.crash("after tasks");
  await run.restart();
  run.send("orders", [order("ann", 100)]);
  await run.tick();
  assert.deepEqual(Object.fromEntries(run.output<[string, number]>("sums")), { ann: 1, bob: 2 });
});

for (const master of ["local", "local[2]"] as const) {
  test(`a task that fails runs again, one whose executor dies too, on ${master}`, async () => {
    await using run = await testJob(orders, { topics: { orders: {} }, master });
    run.send("orders", [order("ann", 1)]);
    run.fail("task", 2);
    run.fail("executor");
    await run.tick();
    assert.deepEqual(run.output("sums"), [["ann", 1]]);
    run.send("orders", [order("ann", 2)]);
    run.fail("task", 4);
    await assert.rejects(run.tick(), { code: "TASK_FAILED", message: /the test asked for it/ });
    assert.throws(() => run.tick(), { code: "WRONG_STATE", message: /The job has failed/ });
    await run.restart();
    await run.tick();
    assert.deepEqual(run.output("sums"), [["ann", 2]]);
  });
}

test("a failed batch that may be retried is, without waiting for its pause", async () => {
  let failures = 1;
  const retried = job(
    (ssc) =>
      values(ssc).foreachRDD(
        async () => {
          if (failures-- > 0) throw new Error("not yet");
        },
        { name: "numbers" },
      ),
    { failedBatch: { retry: 3, backoff: "10s" } },
  );
  await using run = await testJob(retried, { topics: { numbers: {} } });
  run.send("numbers", numbers(1, 2));
  await run.tick();
  assert.deepEqual(run.output("numbers"), [1, 2]);
  assert.equal(run.now, 11_000);
  assert.equal((await run.tick()).batchTime, 11_000, "due while the pause went on");
  assert.equal((await run.tick()).batchTime, 12_000);
});

test("tick rejects with the job's own failure, and so does a crash that is not reached", async () => {
  const failing = job((ssc) =>
    values(ssc).foreachRDD(async (rdd) => {
      if ((await rdd.count()) > 0) throw new RangeError("too much");
    }),
  );
  await using run = await testJob(failing, { topics: { numbers: {} } });
  await run.tick();
  run.send("numbers", numbers(1));
  await assert.rejects(run.tick(), (error) => {
    assert(MillraceError.is(error, "OUTPUT_FAILED"));
    assert.equal((error.cause as Error).name, "RangeError");
    return true;
  });
  await run.restart();
  await assert.rejects(run.crash("after outputs"), { code: "OUTPUT_FAILED" });
});

test("a batch that failed and is left out is a tick too, and the next one goes on behind it", async () => {
  const careless = job(
    (ssc) =>
      values(ssc).foreachRDD(
        async (rdd) => {
          if ((await rdd.collect()).includes(13)) throw new Error("unlucky");
        },
        { name: "numbers" },
      ),
    { failedBatch: "continue" },
  );
  await using run = await testJob(careless, { topics: { numbers: {} } });
  run.send("numbers", numbers(13));
  const { outputs } = await run.tick();
  assert.match(String(outputs[0]?.failure?.message), /unlucky/);
  run.send("numbers", numbers(1));
  assert.deepEqual([(await run.tick()).seq, run.output("numbers"), run.now], [2, [1], 2000]);
  run.send("numbers", numbers(13));
  await assert.rejects(run.crash("after outputs"), { code: "WRONG_STATE", message: /left out/ });
  assert.equal((await run.tick()).seq, 4);
});

test("a job reads from no consumer group and tells none", async () => {
  const grouped = job((ssc) =>
    KafkaUtils.createDirectStream(
      ssc,
      ["numbers"],
      { ...kafka, "group.id": "numbers" },
      { startFromGroup: true, commitToGroup: true },
    ).foreachRDD(() => {}, { name: "numbers" }),
  );
  await using run = await testJob(grouped, { topics: { numbers: { records: numbers(1) } } });
  assert.equal((await run.tick()).inputs[0]?.records, 1);
});

test("a queue of values has no checkpoint: a restart begins anew", async () => {
  const queued = job((ssc) => ssc.queueStream([[1], [2]]).foreachRDD(() => {}, { name: "numbers" }));
  await using run = await testJob(queued, { topics: {} });
  for (const expected of [[1], [2], []]) {
    await run.tick();
    assert.deepEqual(run.output("numbers"), expected);
  }
  await run.crash("after plan");
  await run.restart();
  assert.equal((await run.tick()).seq, 1);
  assert.deepEqual(run.output("numbers"), [1]);
});

test("another version of the job takes over, gracefully or after a crash", async () => {
  const times = (factor: number) =>
    job((ssc) =>
      values(ssc)
        .map((n) => n * factor)
        .foreachRDD(() => {}, { name: "numbers" }),
    );
  await using run = await testJob(times(1), { topics: { numbers: {} } });
  run.send("numbers", numbers(1));
  await run.tick();
  run.send("numbers", numbers(2));
  await run.restart(times(10));
  await run.tick();
  assert.deepEqual(run.output("numbers"), [20]);
  run.send("numbers", numbers(3));
  await run.crash("after plan");
  await run.restart(times(100));
  await run.tick();
  assert.deepEqual(run.output("numbers"), [300]);
  await run.crash("after plan");
  const counted = job((ssc) => values(ssc).count().pprint());
  await assert.rejects(run.restart(counted), { code: "PLAN_MISMATCH" });
});

test("a sink that has a batch keeps it, whatever comes when the batch runs again", async () => {
  const never = async () => assert.fail("a sink was used");
  const sink = defineSink({ open: never, fence: never, close: never, commitPartition: never });
  const times = (factor: number) =>
    job((ssc) => {
      const products = values(ssc).map((n) => n * factor);
      products.saveTo(sink, { name: "exactly-once" });
      products.foreachRDD(() => {}, { name: "at-least-once" });
    });
  await using run = await testJob(times(1), { topics: { numbers: {} } });
  run.send("numbers", numbers(1));
  await run.crash("after outputs");
  await run.restart(times(10));
  await run.tick();
  assert.deepEqual([run.output("exactly-once"), run.output("at-least-once")], [[1], [10]]);
});

for (const master of ["local", "local[2]"] as const) {
  test(`state is that of the last completed batch, whatever comes after it, on ${master}`, async () => {
    await using run = await testJob(totals, { topics: { pairs: { partitions: 2 } }, master });
    assert.deepEqual(run.state("totals"), new Map());
    const send = (...pairs: [string, number][]) =>
      run.send(
        "pairs",
        pairs.map(([key, n]) => ({ key, value: String(n) })),
      );
    send(["a", 1], ["b", 2], ["a", 3]);
    await run.tick();
    const totalsOf = () => Object.fromEntries([...run.state<string, number>("totals")].sort());
    assert.deepEqual(totalsOf(), { a: 4, b: 2 });
    send(["a", 10]);
    await run.crash("after outputs");
    assert.deepEqual(totalsOf(), { a: 4, b: 2 });
    await run.restart();
    run.fail("task");
    run.fail("executor");
    await run.tick();
    assert.deepEqual(totalsOf(), { a: 14, b: 2 });
    send(["c", 5]);
    await run.crash("after completion");
    assert.deepEqual(totalsOf(), { a: 14, b: 2, c: 5 });
    assert.throws(() => run.state("total"), { code: "BAD_OPTION", hint: /^It has "totals"\./ });
  });
}

test("listeners of a driver that died are told nothing more", async () => {
  const told: string[] = [];
  const listened = job((ssc) => {
    values(ssc).foreachRDD(() => void told.push("output"));
    ssc.addStreamingListener({
      onBatchStarted: () => told.push("started"),
      onBatchCompleted: () => told.push("completed"),
    });
  });
  await using run = await testJob(listened, { topics: { numbers: {} } });
  await run.crash("after outputs");
  assert.deepEqual(told.splice(0), ["started", "output"]);
  await run.restart();
  assert.deepEqual(told, [], "the batch under way waits for a tick");
  await run.tick();
  assert.deepEqual(told, ["started", "output", "completed"]);
});

test("records from before the start are read as auto.offset.reset says, offsets start where the test says", async () => {
  const both = job((ssc) => {
    values(ssc).foreachRDD(() => {}, { name: "earliest" });
    KafkaUtils.createDirectStream(ssc, /^num/, { ...kafka, "auto.offset.reset": "latest" })
      .map(({ offset }) => offset)
      .foreachRDD(() => {}, { name: "latest" });
  });
  await using run = await testJob(both, {
    topics: { numbers: { records: numbers(1, 2) } },
    fromOffsets: { numbers: { 0: 1000 } },
  });
  run.send("numbers", numbers(3));
  const { inputs } = await run.tick();
  assert.deepEqual([run.output("earliest"), run.output("latest")], [[1, 2, 3], [1002]]);
  assert.deepEqual(inputs[0]?.offsetRanges, [{ topic: "numbers", partition: 0, fromOffset: 1000, untilOffset: 1003 }]);
});

test("fixed ranges, a rate limit, and partitions by key or in turn", async () => {
  const limited = job(
    (ssc) => {
      const range = { topic: "numbers", partition: 1, fromOffset: 1, untilOffset: 2 };
      const fixed = KafkaUtils.createRDD(ssc, kafka, [range]).map(({ value }) => Number(value));
      values(ssc)
        .transform((rdd) => rdd.union(fixed))
        .foreachRDD(() => {}, { name: "numbers" });
    },
    { maxRatePerPartition: 1 },
  );
  await using run = await testJob(limited, { topics: { numbers: { partitions: 2, records: numbers(0, 1, 2, 3) } } });
  const { inputs } = await run.tick();
  assert.deepEqual([run.output("numbers"), inputs[0]?.lag], [[0, 1, 3], 2]);
  const keyed = job((ssc) =>
    KafkaUtils.createDirectStream(ssc, ["numbers"], kafka)
      .map(({ key, partition }) => [key, partition])
      .foreachRDD(() => {}, { name: "places" }),
  );
  await using other = await testJob(keyed, { topics: { numbers: { partitions: 10 } } });
  const keys = ["ann", "bob", "cleo", "ann"];
  other.send(
    "numbers",
    keys.map((key) => ({ key, value: null })),
  );
  await other.tick();
  const places = Object.fromEntries(keys.map((key) => [key, partitionOfKey(Buffer.from(key), 10)]));
  assert.equal(other.output("places").length, 4);
  assert.deepEqual(Object.fromEntries(other.output<[string, number]>("places")), places);
});

test("many records of many times come as they were sent, large ones too", async () => {
  const lengths = job((ssc) =>
    KafkaUtils.createDirectStream(ssc, ["texts"], { ...kafka, "max.partition.fetch.bytes": 10_000 })
      .map(({ value, timestamp, offset }) => [offset, value?.length ?? null, timestamp])
      .foreachRDD(() => {}, { name: "texts" }),
  );
  await using run = await testJob(lengths, { topics: { texts: {} } });
  const records = Array.from({ length: 200 }, (_, i) => ({
    value: i % 7 === 0 ? null : "x".repeat((i * 997) % 30_000),
    timestamp: 1_700_000_000_000 + Math.floor(i / 3) * 86_400_000,
  }));
  run.send("texts", records);
  await run.tick();
  assert.deepEqual(
    run.output("texts"),
    records.map(({ value, timestamp }, i) => [i, value?.length ?? null, timestamp]),
  );
});

test("mistakes have sentences", async () => {
  const reading = job((ssc) => values(ssc).foreachRDD(() => {}, { name: "numbers" }));
  await assert.rejects(testJob(reading, { topics: { number: {} } }), {
    code: "TOPIC_NOT_FOUND",
    message: 'Topic "numbers" does not exist.',
    hint: 'testJob has "number". Add the one that the job reads: { topics: { "numbers": {} } }.',
  });
  await assert.rejects(testJob(reading, { topics: { numbers: { partitions: 0 } } }), { code: "BAD_OPTION" });
  await assert.rejects(testJob(reading, { topics: {}, fromOffsets: { numbers: { 0: 1 } } }), { code: "BAD_OPTION" });
  await assert.rejects(testJob(reading, { topic: {} } as never), { code: "BAD_OPTION", hint: /topics/ });
  await assert.rejects(testJob(reading, { topics: { numbers: {} }, master: "local[2]" }), {
    code: "JOB_WITHOUT_MODULE",
  });
  await using run = await testJob(reading, { topics: { numbers: { partitions: 2 } } });
  assert.throws(() => run.send("letters", []), {
    code: "BAD_OPTION",
    message: /"letters", which is not in the topics/,
  });
  assert.throws(() => run.send("numbers", [{ value: "1", partition: 2 }]), { code: "BAD_OPTION", hint: /0 to 1/ });
  assert.throws(() => run.send("numbers", [{ value: undefined as never }]), { code: "BAD_OPTION", message: /value/ });
  assert.throws(() => run.output("letters"), { code: "BAD_OPTION", hint: /^It has "numbers"/ });
  assert.throws(() => run.fail("driver" as never), { code: "BAD_OPTION" });
  assert.throws(() => run.fail("task", 0), { code: "BAD_OPTION" });
  const first = run.tick();
  assert.throws(() => run.tick(), { code: "WRONG_STATE", message: /while a batch is under way/ });
  await first;
});

test("a job without streams runs what onDriver was given; there are no batches to wait for", async () => {
  const range = { topic: "numbers", partition: 0, fromOffset: 0, untilOffset: 2 };
  let sum = 0;
  const report = job((ssc) => {
    const rdd = KafkaUtils.createRDD(ssc, kafka, [range]).map(({ value }) => Number(value));
    ssc.onDriver(async () => {
      sum = await rdd.sum();
    });
  });
  await using run = await testJob(report, { topics: { numbers: { records: numbers(1, 2) } } });
  await assert.rejects(run.tick(), { code: "WRONG_STATE", message: /ended/ });
  assert.equal(sum, 3);
});

test("a failure that nobody was told of is thrown at the end", async () => {
  const broken = job((ssc) => {
    values(ssc).pprint();
    ssc.onDriver(() => {
      throw new Error("no endpoint");
    });
  });
  const run = await testJob(broken, { topics: { numbers: {} } });
  await assert.rejects(run[Symbol.asyncDispose](), { code: "OUTPUT_FAILED", message: /no endpoint/ });
});

test("a run ends at once, wherever it stands, and leaves nothing open", async (t) => {
  assertNothingLeft(t);
  const start = () => testJob(orders, { topics: { orders: {} } });
  const ends: { readonly [name: string]: (run: TestRun) => Promise<unknown> } = {
    "before the first batch": async () => {},
    "after a crash": (run) => run.crash("after plan"),
    "before a batch runs again": (run) => run.crash("after plan").then(() => run.restart()),
    "restarted in the same place": async (run) => {
      await run.crash("after tasks");
      await run.restart();
      await run.restart();
    },
    "in a batch": async (run) => void run.tick().catch(() => {}),
  };
  for (const [name, lead] of Object.entries(ends)) {
    const run = await start();
    run.send("orders", [order("ann", 1)]);
    await lead(run);
    const begun = performance.now();
    await run[Symbol.asyncDispose]();
    assert.ok(performance.now() - begun < 5_000, name);
  }
});
