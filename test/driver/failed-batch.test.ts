import assert from "node:assert/strict";
import { test } from "node:test";
import { type BatchInfo, defineJob, runJob } from "millrace";

const failing = (times: number, seen: number[], failedBatch?: "stop" | { retry: number; backoff?: "1ms" }) =>
  defineJob(
    { appName: "retry", batchInterval: "20ms", master: "local", trigger: "availableNow", failedBatch },
    (ssc) => {
      let left = times;
      ssc.queueStream([[1, 2], [3]]).foreachRDD(async (rdd, _time, { seq }) => {
        seen.push(seq, ...(await rdd.collect()));
        if (left-- > 0) throw new Error("the database is away");
      });
    },
  );

test("with retry a failed batch runs again by its plan, and the next one waits for it", async () => {
  const seen: number[] = [];
  const completed: BatchInfo[] = [];
  const running = await runJob(failing(2, seen, { retry: 2, backoff: "1ms" }), {
    listeners: [{ onBatchCompleted: (info) => completed.push(info) }],
  });
  await running.awaitTermination();
  assert.deepEqual(seen, [1, 1, 2, 1, 1, 2, 1, 1, 2, 2, 3]);
  assert.deepEqual(
    completed.map(({ seq, outputs }) => [seq, outputs[0]?.failure?.code]),
    [
      [1, "OUTPUT_FAILED"],
      [1, "OUTPUT_FAILED"],
      [1, undefined],
      [2, undefined],
    ],
  );
});

test("when all retries have failed, the stream stops with the batch's error", async () => {
  const seen: number[] = [];
  const running = await runJob(failing(9, seen, { retry: 2, backoff: "1ms" }));
  await assert.rejects(running.awaitTermination(), { code: "OUTPUT_FAILED", message: /database is away/ });
  assert.deepEqual(seen, [1, 1, 2, 1, 1, 2, 1, 1, 2]);
});

test("by default the first failure stops the stream", async () => {
  const seen: number[] = [];
  const running = await runJob(failing(1, seen));
  await assert.rejects(running.awaitTermination(), { code: "OUTPUT_FAILED" });
  assert.deepEqual(seen, [1, 1, 2]);
});

test("a failure policy that is none is refused", async () => {
  const policies = ["continue", { retry: 0 }, { retry: 2, backoff: "soon" }, { retry: 2, times: 3 }] as never[];
  for (const policy of policies) {
    assert.throws(() => failing(0, [], policy), { code: "BAD_OPTION" }, JSON.stringify(policy));
  }
});
