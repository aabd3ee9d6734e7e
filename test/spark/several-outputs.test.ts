/** Spark's StreamingContextSuite and StreamingListenerSuite: what several outputs, one that fails, and none at all do. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type BatchInfo, type EngineOptions, StreamingContext } from "millrace";

const fails = (name: string) => () => {
  throw new Error(`${name} is a failed job`);
};

/** Runs one list through three outputs, of which the second and the third fail. */
async function runOutputs(failedBatch: EngineOptions["failedBatch"]) {
  const ran: string[] = [];
  const ssc = new StreamingContext({ appName: "outputs", batchInterval: 50, failedBatch });
  const stream = ssc.queueStream([[1]]);
  const completed = Promise.withResolvers<BatchInfo>();
  ssc.addStreamingListener({ onBatchCompleted: (info) => completed.resolve(info) });
  stream.foreachRDD(() => void ran.push("first"), { name: "first" });
  stream.foreachRDD(fails("second"), { name: "second" });
  stream.foreachRDD(() => void ran.push("third"), { name: "third" });
  await ssc.start();
  const info = await completed.promise;
  await ssc.stop({ graceful: false }).catch(() => {});
  return { ran, info };
}

for (const failedBatch of ["stop", "continue"] as const) {
  test(`an output that fails ends its batch: those after it do not run, where Spark runs them, with failedBatch "${failedBatch}"`, async () => {
    const { ran, info } = await runOutputs(failedBatch);
    assert.equal(ran[0], "first");
    assert.ok(!ran.includes("third"));
    const failures = info.outputs.map(({ name, failure }) => [
      name,
      failure?.message.includes("second is a failed job"),
    ]);
    assert.deepEqual(failures, [
      ["first", undefined],
      ["second", true],
      ["third", undefined],
    ]);
  });
}

test("a context without outputs does not start", async () => {
  const ssc = new StreamingContext({ appName: "nothing", batchInterval: 50 });
  ssc.queueStream([[1]]).map((n) => n + 1);
  await assert.rejects(ssc.start(), { code: "WRONG_STATE", message: /no output operation/ });
});

test("a stream that nothing is done with does not stand in the way of the others", async () => {
  const ssc = new StreamingContext({ appName: "unused", batchInterval: 50 });
  const got = Promise.withResolvers<number[]>();
  ssc.queueStream([["unused"]]);
  ssc.queueStream([[1, 2]]).foreachRDD(async (rdd) => got.resolve(await rdd.collect()));
  await ssc.start();
  assert.deepEqual(await got.promise, [1, 2]);
  await ssc.stop();
});

test("a context that was stopped does not start again", async () => {
  const ssc = new StreamingContext({ appName: "over", batchInterval: 50 });
  ssc.queueStream([[1]]).foreachRDD(() => {});
  await ssc.start();
  await ssc.stop();
  await assert.rejects(ssc.start(), { code: "WRONG_STATE" });
});
