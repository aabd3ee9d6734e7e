/** Spark's StreamingListenerTests. Its -1 is undefined here. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { BatchInfo } from "millrace";
import { MASTERS, runFlows } from "./run-flows.ts";

for (const master of MASTERS) {
  test(`batch_info_reports: what is known when a batch is submitted, started and completed; a queue tells its records here, on ${master}`, async () => {
    const told = { submitted: [] as BatchInfo[], started: [] as BatchInfo[], completed: [] as BatchInfo[] };
    const listener = {
      onBatchSubmitted: (info: BatchInfo) => void told.submitted.push(info),
      onBatchStarted: (info: BatchInfo) => void told.started.push(info),
      onBatchCompleted: (info: BatchInfo) => void told.completed.push(info),
    };
    await runFlows("otherFlows", "batch_info_reports", { master, listeners: [listener] });
    for (const infos of Object.values(told)) {
      assert.ok(infos.length >= 4, `${infos.length} batches`);
      assert.deepEqual(
        infos.slice(0, 5).map(({ inputs }) => inputs.map(({ records }) => records)),
        [[1], [1], [1], [1], [0]],
      );
      for (const { outputs, failure } of infos) {
        assert.equal(failure, undefined);
        assert.deepEqual(
          outputs.map((output) => output.failure),
          [undefined],
        );
      }
    }
    const isDelay = (delay: number | undefined) => delay !== undefined && delay >= 0;
    for (const { submissionTime, batchTime, schedulingDelay, processingDelay, totalDelay } of told.submitted) {
      assert.ok(submissionTime >= batchTime);
      assert.deepEqual([schedulingDelay, processingDelay, totalDelay], [undefined, undefined, undefined]);
    }
    for (const { schedulingDelay, processingDelay, totalDelay } of told.started) {
      assert.ok(isDelay(schedulingDelay));
      assert.deepEqual([processingDelay, totalDelay], [undefined, undefined]);
    }
    for (const { schedulingDelay, processingDelay, totalDelay, outputs } of told.completed) {
      assert.ok([schedulingDelay, processingDelay, totalDelay].every(isDelay));
      assert.ok(isDelay(outputs[0]?.duration));
    }
  });
}
