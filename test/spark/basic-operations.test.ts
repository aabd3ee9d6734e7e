/** Spark's BasicOperationTests: its inputs and numbers, in this process and on threads. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { MASTERS, runFlows, testFlows } from "./run-flows.ts";

testFlows("basicOperations");

for (const master of MASTERS) {
  for (const name of ["failed_func", "failed_func2"]) {
    test(`${name}: awaitTermination rejects with the user's error, on ${master}`, async () => {
      await assert.rejects(runFlows("otherFlows", name, { master }), {
        code: "TASK_FAILED",
        message: /This is a special error/,
      });
    });
  }

  test(`failed_func_with_reseting_failure: here the first failure stops the stream, on ${master}`, async () => {
    const { results } = await import("./flows-job.ts");
    const name = "failed_func_with_reseting_failure";
    await assert.rejects(runFlows("otherFlows", name, { master }), { message: /This is a special error/ });
    assert.deepEqual(results.get(name), [[0]]);
  });

  test(`failed_func_with_reseting_failure: with failedBatch "continue" later batches come, as in Spark, and the one left out is told, on ${master}`, async () => {
    const name = "failed_func_with_reseting_failure";
    const abandoned: string[] = [];
    const outputs = await runFlows("otherFlows", name, {
      master,
      failedBatch: "continue",
      listeners: [{ onBatchAbandoned: ({ failure }) => abandoned.push(failure!.message) }],
    });
    assert.deepEqual(outputs.get(name), [[0], [2], [3]]);
    assert.equal(abandoned.length, 1);
    assert.match(abandoned[0]!, /This is a special error/);
  });
}
