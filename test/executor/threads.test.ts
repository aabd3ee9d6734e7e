/** Tasks on worker threads, and what becomes of those that go wrong. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { RunOptions } from "millrace";
import { outcomes } from "../fixtures/jobs/troubled.ts";
import { assertNothingLeft } from "../helpers/open-resources.ts";
import { runFixture } from "../helpers/run-fixture.ts";

interface Params {
  trouble: string;
  attempts: number;
  partition: number;
}

function run(trouble: string, attempts: number, options: RunOptions<Params> = {}) {
  outcomes.splice(0);
  return runFixture<Params>("troubled.ts", { master: "local[2]", params: { trouble, attempts }, ...options });
}

const inOrder = () => outcomes.toSorted((a, b) => a.partition - b.partition);
const wholeAfter = (attempt: number) => {
  assert.deepEqual(
    inOrder().map(({ partition, attempt, values }) => ({ partition, attempt, values })),
    [
      { partition: 0, attempt, values: [1, 2] },
      { partition: 1, attempt: 1, values: [3, 4] },
    ],
  );
};

test("a batch runs on threads, and results come back in order", async (t) => {
  assertNothingLeft(t);
  const { failures, lost, batches, error } = await run("none", 0);
  assert.equal(error, undefined);
  wholeAfter(1);
  assert.deepEqual([failures, lost, batches.length], [[], [], 1]);
  assert(inOrder().every(({ executorId }) => executorId === 0 || executorId === 1));
});

test("a task that fails is tried again on another executor", async (t) => {
  assertNothingLeft(t);
  const { failures, lost, error } = await run("throws", 1);
  assert.equal(error, undefined);
  wholeAfter(2);
  assert.deepEqual(
    failures.map(({ partition, attempt, willRetry }) => ({ partition, attempt, willRetry })),
    [{ partition: 0, attempt: 1, willRetry: true }],
  );
  assert.equal(failures[0]!.error.code, "TASK_FAILED");
  assert.notEqual(inOrder()[0]!.executorId, failures[0]!.executorId);
  assert.deepEqual(lost, []);
});

test("a task that fails taskMaxFailures times fails the batch", async (t) => {
  assertNothingLeft(t);
  for (const [taskMaxFailures, expected] of [
    [undefined, 4],
    [2, 2],
    [1, 1],
  ] as const) {
    const { failures, batches, error } = await run("throws", 100, { taskMaxFailures });
    assert.equal(error?.code, "TASK_FAILED");
    assert.match(error?.message ?? "", /^mapPartitions at troubled\.ts:\d+:\d+ failed: no coffee here$/);
    assert.deepEqual(
      failures.map(({ attempt, willRetry }) => [attempt, willRetry]),
      Array.from({ length: expected }, (_, i) => [i + 1, i + 1 < expected]),
    );
    assert.equal(batches[0]!.outputs[0]!.failure?.code, "TASK_FAILED");
  }
});

describe("an executor that dies", () => {
  for (const [trouble, message, hint, options] of [
    ["exits", /^Executor [01] died: its thread exited with code 3\.$/, /process\.exit\(\)/, {}],
    ["rejects behind our back", /^Executor [01] died: an error was not caught: dropped\.$/, /unhandled rejection/, {}],
    ["fills its heap", /^Executor [01] died: it ran out of heap memory\.$/, /executorMemory/, { executorMemory: 32 }],
  ] as const) {
    test(`that ${trouble} is replaced, and its task runs again`, async (t) => {
      assertNothingLeft(t);
      const { failures, lost, error } = await run(trouble, 1, options);
      assert.equal(error, undefined);
      wholeAfter(2);
      assert.equal(failures.length, 1);
      const [{ error: failure, executorId, willRetry }] = failures as [(typeof failures)[0]];
      assert.equal(failure.code, "EXECUTOR_DIED");
      assert.match(failure.message, message);
      assert.match(failure.hint, hint);
      assert.equal(willRetry, true);
      assert.deepEqual(
        lost.map(({ executorId, error }) => [executorId, error.message]),
        [[executorId, failure.message]],
      );
    });
  }

  test("again and again fails the batch, with the last death as the reason", async (t) => {
    assertNothingLeft(t);
    const { failures, error } = await run("exits", 100, { taskMaxFailures: 3 });
    assert.equal(error?.code, "EXECUTOR_DIED");
    assert.match(error?.message ?? "", /exited with code 3/);
    assert.equal(failures.length, 3);
  });

  test("behind our back carries what was thrown as its cause", async (t) => {
    assertNothingLeft(t);
    const { error } = await run("rejects behind our back", 100, { taskMaxFailures: 1 });
    const cause = error?.cause as Error & { code: string };
    assert.deepEqual([cause.name, cause.message, cause.code], ["Teapot", "dropped", "E_TEAPOT"]);
  });

  test("alone on local[1] is replaced as well", async (t) => {
    assertNothingLeft(t);
    const { error } = await run("exits", 1, { master: "local[1]" });
    assert.equal(error, undefined);
    wholeAfter(2);
  });
});

describe("taskTimeout", () => {
  for (const trouble of ["never returns", "never resolves"]) {
    test(`ends a function that ${trouble}, with its thread, and tries again`, async (t) => {
      assertNothingLeft(t);
      const { failures, lost, error } = await run(trouble, 1, { taskTimeout: "500ms" });
      assert.equal(error, undefined);
      wholeAfter(2);
      assert.equal(failures[0]?.error.code, "TASK_TIMEOUT");
      assert.match(failures[0]?.error.message ?? "", /took longer than taskTimeout \(500 ms\)/);
      assert.match(failures[0]?.error.hint ?? "", /never returns/);
      assert.match(lost[0]?.error.message ?? "", /died: a task took longer than taskTimeout/);
      assert.match(lost[0]?.error.hint ?? "", /^Its thread was ended\. Another one takes its place/);
    });
  }

  test("fails the batch in the end, on threads and in this process", async (t) => {
    assertNothingLeft(t);
    for (const master of ["local[2]", "local"] as const) {
      const options = { master, taskTimeout: "100ms", taskMaxFailures: 2 } as const;
      const { failures, error } = await run("never resolves", 100, options);
      assert.equal(error?.code, "TASK_TIMEOUT");
      assert.deepEqual(
        failures.map(({ attempt }) => attempt),
        [1, 2],
      );
    }
  });

  test("lets a task be that ends in time", async (t) => {
    assertNothingLeft(t);
    const { failures, error } = await run("none", 0, { taskTimeout: "10s" });
    assert.deepEqual([error, failures], [undefined, []]);
  });
});

test("an error of the user's looks the same from a thread and from this process", async (t) => {
  assertNothingLeft(t);
  const seen: unknown[] = [];
  for (const master of ["local", "local[2]"] as const) {
    const { error } = await run("throws", 100, { master, taskMaxFailures: 1 });
    const cause = error?.cause as Error & Record<string, unknown>;
    const { name, message, code, status, short, nested, stack } = cause;
    const inner = cause.cause as Error;
    seen.push({
      code: error?.code,
      message: error?.message,
      hint: error?.hint,
      operator: error?.at?.operator,
      cause: { name, message, code, status, short, nested, isPlain: Object.getPrototypeOf(cause) === Error.prototype },
      inner: { name: inner.name, message: inner.message },
      stack: stack?.split("\n").slice(0, 2),
    });
  }
  assert.deepEqual(seen[0], seen[1]);
  assert.deepEqual((seen[0] as { cause: unknown }).cause, {
    name: "Teapot",
    message: "no coffee here",
    code: "E_TEAPOT",
    status: 418,
    short: true,
    nested: undefined,
    isPlain: true,
  });
  assert.deepEqual((seen[0] as { inner: unknown }).inner, { name: "RangeError", message: "too small" });
  const { stack, operator } = seen[0] as { stack: string[]; operator: string };
  assert.match(stack[1]!, /troubled\.ts:\d+:\d+/);
  assert.match(operator, /^mapPartitions at troubled\.ts:\d+:\d+$/);
});
