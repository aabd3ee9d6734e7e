/** testJob: a driver that dies at each border, those that go on, and what states and sinks then hold. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { defineSink } from "millrace/sinks";
import { type Border, testJob } from "millrace/testing";
import orders, { seen } from "../fixtures/jobs/orders-under-test.ts";
import totals from "../fixtures/jobs/totals-under-test.ts";
import { job, numbers, order, values } from "./jobs.ts";

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
    await assert.rejects(run.tick(), { code: "WRONG_STATE", message: /The driver died/, hint: /restart/ });
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
