/** testJob: ticks, outputs, mistakes, and how a run ends. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type ConsumerRecord, KafkaUtils } from "millrace";
import { type TestRun, testJob } from "millrace/testing";
import orders from "../fixtures/jobs/orders-under-test.ts";
import { assertNothingLeft } from "../helpers/open-resources.ts";
import { job, kafka, numbers, order, values } from "./jobs.ts";

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
  await assert.rejects(run.tick(), { code: "WRONG_STATE", message: /while a batch is under way/ });
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
