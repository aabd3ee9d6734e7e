import assert from "node:assert/strict";
import { test } from "node:test";
import { type MillraceError, runJob, type TaskFailure } from "millrace";
import { hooks as whenFencing } from "../fixtures/jobs/death-while-fencing.ts";
import { hooks } from "../fixtures/jobs/idle-death.ts";
import { assertNothingLeft } from "../helpers/open-resources.ts";
import { fixture } from "../helpers/run-fixture.ts";

test("an executor that dies idle is replaced, and that is no failure of any task", async (t) => {
  assertNothingLeft(t);
  const lost = Promise.withResolvers<MillraceError>();
  const failures: TaskFailure[] = [];
  const batches: number[] = [];
  hooks.afterBatch = async (seq) => {
    batches.push(seq);
    if (seq === 1) await lost.promise;
  };
  const running = await runJob(fixture("idle-death.ts"), { master: "local[1]", taskMaxFailures: 1 });
  running.addStreamingListener({
    onExecutorLost: ({ error }) => lost.resolve(error),
    onTaskFailed: (event) => failures.push(event),
  });
  await running.awaitTermination();
  assert.match((await lost.promise).message, /^Executor 0 died: its thread exited with code 7\.$/);
  assert.deepEqual([batches, failures], [[1, 2, 3], []]);
});

test("executors that die while sinks are fenced are replaced before the first task, which then runs once", async (t) => {
  assertNothingLeft(t);
  const lost: number[] = [];
  const bothLost = Promise.withResolvers<void>();
  const failures: TaskFailure[] = [];
  const batches: (Error | undefined)[] = [];
  whenFencing.fenced = () => bothLost.promise;
  const running = await runJob(fixture("death-while-fencing.ts"), { master: "local[2]", taskMaxFailures: 1 });
  running.addStreamingListener({
    onExecutorLost: ({ executorId }) => {
      if (lost.push(executorId) === 2) bothLost.resolve();
    },
    onTaskFailed: (event) => failures.push(event),
    onBatchCompleted: ({ outputs }) => batches.push(outputs[0]!.failure as Error | undefined),
  });
  await running.awaitTermination();
  assert.equal(lost.length, 2);
  assert.deepEqual([batches, failures], [[undefined, undefined], []]);
});
