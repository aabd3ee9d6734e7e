/** The pool's own rules, with executors that do what the test says. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { MillraceError } from "millrace";
import type { Executor } from "../../src/executor/executor.ts";
import type { PooledTask } from "../../src/executor/pool.ts";
import { ExecutorPool, type PoolOptions } from "../../src/executor/pool.ts";
import type { Task, TaskResult } from "../../src/executor/protocol.ts";

const died = (id: number) => new MillraceError("EXECUTOR_DIED", `Executor ${id} died.`, { hint: "Look why." });
const result = (results: unknown[] = []): TaskResult => ({ results, records: 0, bytes: 0, losses: [], skips: [] });
const task: PooledTask = { run: 1, consumers: [], slice: undefined, inputs: [] };
const never = new AbortController().signal;

class HeldExecutor implements Executor {
  readonly id: number;
  readonly starts: boolean;
  alive = true;
  readonly #died = Promise.withResolvers<MillraceError>();
  readonly died = this.#died.promise;
  readonly tasks: { readonly attempt: number; readonly end: PromiseWithResolvers<TaskResult> }[] = [];
  killedBecause: string | undefined;
  killable = true;

  constructor(id: number, starts = true) {
    this.id = id;
    this.starts = starts;
  }

  async start(): Promise<readonly string[]> {
    if (!this.starts) throw new MillraceError("JOB_NOT_LOADABLE", "The file is gone.", { hint: "Put it back." });
    return [];
  }

  beginBatch(): void {}
  endBatch(): void {}

  run({ attempt }: Task): Promise<TaskResult> {
    const end = Promise.withResolvers<TaskResult>();
    this.tasks.push({ attempt, end });
    return end.promise;
  }

  kill(reason: string): boolean {
    this.killedBecause = reason;
    if (this.killable) this.die();
    return this.killable;
  }

  die(): void {
    this.alive = false;
    this.#died.resolve(died(this.id));
    for (const { end } of this.tasks) end.reject(died(this.id));
  }

  async stop(): Promise<void> {
    this.die();
  }
}

async function pool(size: number, options: Partial<PoolOptions> & { starts?: (nth: number) => boolean } = {}) {
  const made: HeldExecutor[] = [];
  const started = new ExecutorPool({
    size,
    create: (id) => {
      const executor = new HeldExecutor(id, options.starts?.(made.length) ?? true);
      made.push(executor);
      return executor;
    },
    fingerprint: [],
    taskMaxFailures: 4,
    taskTimeoutMs: undefined,
    force: never,
    onTaskFailed: () => {},
    onExecutorLost: () => {},
    ...options,
  });
  await started.start();
  return { pool: started, made };
}

test("tasks wait for an executor, and get one in the order they came", async () => {
  const { pool: one, made } = await pool(1);
  const [executor] = made as [HeldExecutor];
  const order: number[] = [];
  const runs = [1, 2, 3].map((n) => one.run(task, never).then(() => order.push(n)));
  for (let n = 0; n < 3; n++) {
    await nextTurn();
    assert.equal(executor.tasks.length, n + 1, "one at a time");
    executor.tasks[n]!.end.resolve(result());
  }
  await Promise.all(runs);
  assert.deepEqual(order, [1, 2, 3]);
});

test("a failed task waits for another executor rather than fail again on the same", async () => {
  const { pool: two, made } = await pool(2);
  const [a, b] = made as [HeldExecutor, HeldExecutor];
  const busy = two.run(task, never);
  const failing = two.run(task, never);
  const third = two.run(task, never);
  await nextTurn();
  b.tasks[0]!.end.reject(died(1));
  await nextTurn();
  b.tasks[1]!.end.resolve(result(["third"]));
  assert.deepEqual((await third).results, ["third"]);
  await nextTurn();
  assert.equal(b.tasks.length, 2, "the one that failed it is free, but not asked");
  a.tasks[0]!.end.resolve(result(["first"]));
  await busy;
  await nextTurn();
  assert.equal(a.tasks[1]?.attempt, 2);
  a.tasks[1]!.end.resolve(result(["second"]));
  assert.deepEqual((await failing).results, ["second"]);
});

test("a task that is aborted while it waits takes no executor along", async () => {
  const { pool: one, made } = await pool(1);
  const [executor] = made as [HeldExecutor];
  const first = one.run(task, never);
  const aborted = new AbortController();
  const second = one.run(task, aborted.signal);
  const third = one.run(task, never);
  await nextTurn();
  // Both at once: the executor is given to the second task in the very turn in which that gives up.
  executor.tasks[0]!.end.resolve(result());
  await first.then(() => aborted.abort(new Error("not needed")));
  await assert.rejects(second, { message: "not needed" });
  await nextTurn();
  executor.tasks.at(-1)!.end.resolve(result(["third"]));
  assert.deepEqual((await third).results, ["third"]);
  assert.equal(executor.tasks.length, 2, "the second was never run");
});

test("all that wait with a signal give up as it aborts, and the others keep their place", async () => {
  const { pool: one, made } = await pool(1);
  const [executor] = made as [HeldExecutor];
  const first = one.run(task, never);
  const aborted = new AbortController();
  const leaving = [one.run(task, aborted.signal), one.run(task, aborted.signal)];
  const staying = one.run(task, never);
  await nextTurn();
  aborted.abort(new Error("not needed"));
  // Before the executor is free.
  for (const given of await Promise.allSettled(leaving)) assert.equal(given.status, "rejected");
  executor.tasks[0]!.end.resolve(result());
  await first;
  await nextTurn();
  executor.tasks.at(-1)!.end.resolve(result(["stayed"]));
  assert.deepEqual((await staying).results, ["stayed"]);
  assert.equal(executor.tasks.length, 2);
});

test("a dead executor is replaced, and the task runs on what takes its place", async () => {
  const lost: number[] = [];
  const { pool: one, made } = await pool(1, { onExecutorLost: (id) => void lost.push(id) });
  const running = one.run(task, never);
  await nextTurn();
  made[0]!.die();
  await nextTurn();
  assert.deepEqual([made.length, made[1]?.tasks[0]?.attempt, lost], [2, 2, [0]]);
  made[1]!.tasks[0]!.end.resolve(result(["done"]));
  assert.deepEqual((await running).results, ["done"]);
});

test("when what takes its place cannot start, all who wait are told, and all who come", async () => {
  const { pool: one, made } = await pool(1, { starts: (nth) => nth === 0 });
  const running = one.run(task, never);
  const waiting = one.run(task, never);
  await nextTurn();
  made[0]!.die();
  await assert.rejects(running, { code: "JOB_NOT_LOADABLE" });
  await assert.rejects(waiting, { code: "JOB_NOT_LOADABLE" });
  await assert.rejects(one.run(task, never), { code: "JOB_NOT_LOADABLE" });
});

test("an executor that keeps dying without work breaks the pool, not the machine", async () => {
  const { pool: one, made } = await pool(1);
  for (let nth = 0; nth < 3; nth++) {
    made[nth]!.die();
    await nextTurn();
  }
  assert.equal(made.length, 3);
  await assert.rejects(one.run(task, never), { code: "EXECUTOR_DIED" });
});

test("a cancelled task that does not end is given up, with its executor where that can be ended", async (t) => {
  const { pool: one, made } = await pool(1);
  made[0]!.killable = false;
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const failed = new AbortController();
  const hanging = one.run(task, failed.signal);
  await nextTurn();
  failed.abort(new Error("another task failed"));
  t.mock.timers.tick(9_999);
  await nextTurn();
  assert.equal(made[0]!.killedBecause, undefined, "it has a while to end by itself");
  t.mock.timers.tick(1);
  await assert.rejects(hanging, { message: "another task failed" });
  assert.equal(made[0]!.killedBecause, "a task that was cancelled did not end");
});

test("errors that the next try would meet again are not tried again", async () => {
  for (const code of [
    "ASYNC_FUNCTION",
    "NOT_CLONEABLE",
    "DECODE_FAILED",
    "OFFSETS_LOST",
    "FENCED",
    "PLAN_MISMATCH",
  ] as const) {
    const tries: boolean[] = [];
    const { pool: one, made } = await pool(1, { onTaskFailed: ({ willRetry }) => void tries.push(willRetry) });
    const running = one.run(task, never);
    await nextTurn();
    made[0]!.tasks[0]!.end.reject(new MillraceError(code, "Again.", { hint: "No." }));
    await assert.rejects(running, { code });
    assert.deepEqual(tries, [false]);
  }
});
