/** testJob: tasks and batches that fail. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { MillraceError } from "millrace";
import { testJob } from "millrace/testing";
import orders from "../fixtures/jobs/orders-under-test.ts";
import { job, numbers, order, records, values } from "./jobs.ts";

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
    await assert.rejects(run.tick(), { code: "WRONG_STATE", message: /The job has failed/ });
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

test("a function of mapAsync that rejects at a record is told with that record, one behind a map without", async () => {
  const refuse = async (value: string) => {
    if (value === "3") throw new RangeError("three is bad");
    return value;
  };
  const atRecord = job((ssc) =>
    records(ssc)
      .mapAsync(({ value }) => refuse(value))
      .pprint(),
  );
  const behindMap = job((ssc) =>
    values(ssc)
      .mapAsync((n) => refuse(String(n)))
      .pprint(),
  );
  for (const [asked, where, offset] of [
    [atRecord, " at numbers-0 offset 1", 1],
    [behindMap, "", undefined],
  ] as const) {
    await using run = await testJob(asked, { topics: { numbers: {} } });
    run.send("numbers", numbers(2, 3, 4));
    await assert.rejects(run.tick(), (error) => {
      assert(MillraceError.is(error, "TASK_FAILED"));
      assert.match(
        error.message,
        new RegExp(`^mapAsync at failures\\.test\\.ts:\\d+:\\d+ failed${where}: three is bad$`),
      );
      assert.equal(error.at.offset, offset);
      assert.equal(error.at.topic, "numbers");
      return true;
    });
  }
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
