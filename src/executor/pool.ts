import { assert, MillraceError } from "../model/errors.ts";
import type { BatchPlan } from "../model/plan.ts";
import type { Executor } from "./executor.ts";
import { compareFingerprints } from "./fingerprint.ts";
import type { Task, TaskResult } from "./protocol.ts";

export interface PoolOptions {
  readonly size: number;
  /** Makes executor `id`; the same id again for a replacement. */
  readonly create: (id: number) => Executor;
  readonly fingerprint: readonly string[];
  readonly taskMaxFailures: number;
  readonly taskTimeoutMs: number | undefined;
  readonly onTaskFailed: (event: FailedTry) => void;
  readonly onExecutorLost: (executorId: number, error: MillraceError) => void;
}

export interface FailedTry {
  readonly task: Omit<Task, "attempt">;
  readonly attempt: number;
  readonly executorId: number;
  readonly error: MillraceError;
  readonly willRetry: boolean;
}

/** Errors that the next try would meet again. */
const FINAL_CODES = new Set([
  "ASYNC_FUNCTION",
  "NOT_CLONEABLE",
  "DECODE_FAILED",
  "OFFSETS_LOST",
  "ACTION_IN_TRANSFORM",
  "BAD_OPTION",
]);

/** How often in a row an executor may die before it has done anything, until that counts as a failure of the job. */
const STARTS_MAX = 3;

/** A task that waits for an executor. */
interface Applicant {
  /** False when it would rather have another one. */
  take(executor: Executor): boolean;
  reject(reason: unknown): void;
}

/** Executors, each with one task at a time; tries again elsewhere what failed, and replaces executors that died. */
export class ExecutorPool {
  readonly #options: PoolOptions;
  readonly #executors: Executor[] = [];
  readonly #idle: Executor[] = [];
  readonly #waiting: Applicant[] = [];
  readonly #batches = new Map<number, BatchPlan>();
  #stopped = false;
  #broken: unknown;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#options.size;
  }

  /** Starts all executors. @throws what any of them could not do: load the job, build the same graph. */
  async start(): Promise<void> {
    const started = Array.from({ length: this.#options.size }, (_, id) => this.#startExecutor(id));
    const results = await Promise.allSettled(started);
    const failed = results.find((result) => result.status === "rejected");
    if (failed) throw failed.reason;
  }

  beginBatch(plan: BatchPlan): void {
    this.#batches.set(plan.seq, plan);
    for (const executor of this.#executors) executor.beginBatch(plan);
  }

  endBatch(seq: number): void {
    this.#batches.delete(seq);
    for (const executor of this.#executors) executor.endBatch(seq);
  }

  /** Runs a task until one try succeeds. @throws the last try's error when `taskMaxFailures` tries have failed. */
  async run(task: Omit<Task, "attempt">, signal: AbortSignal): Promise<TaskResult> {
    let avoid: Executor | undefined;
    for (let attempt = 1; ; attempt++) {
      const executor = await this.#acquire(avoid, signal);
      try {
        return await this.#try(executor, { ...task, attempt }, signal);
      } catch (thrown) {
        signal.throwIfAborted();
        assert(MillraceError.is(thrown), `an executor failed with ${String(thrown)}`);
        const willRetry = attempt < this.#options.taskMaxFailures && !FINAL_CODES.has(thrown.code);
        this.#options.onTaskFailed({ task, attempt, executorId: executor.id, error: thrown, willRetry });
        if (!willRetry) throw thrown;
        avoid = executor;
      } finally {
        this.#release(executor);
      }
    }
  }

  /** Lets executors close their resources, at most until the signal is aborted. */
  async stop(signal: AbortSignal): Promise<void> {
    this.#stopped = true;
    const kill = () => {
      for (const executor of this.#executors) executor.kill("the job was stopped by force");
    };
    if (signal.aborted) kill();
    signal.addEventListener("abort", kill, { once: true });
    const results = await Promise.allSettled(this.#executors.map((executor) => executor.stop()));
    signal.removeEventListener("abort", kill);
    const failures = results.flatMap((result) => (result.status === "rejected" ? [result.reason] : []));
    if (failures.length > 0) throw new AggregateError(failures, "Some executors did not stop cleanly.");
  }

  async #startExecutor(id: number, attempt = 1): Promise<void> {
    const executor = this.#options.create(id);
    this.#executors[id] = executor;
    try {
      const fingerprint = await executor.start();
      compareFingerprints(this.#options.fingerprint, fingerprint, id);
    } catch (error) {
      executor.kill("it did not start");
      if (!MillraceError.is(error, "EXECUTOR_DIED") || attempt === STARTS_MAX || this.#stopped) throw error;
      await this.#startExecutor(id, attempt + 1);
      return;
    }
    for (const plan of this.#batches.values()) executor.beginBatch(plan);
    this.#release(executor);
  }

  async #try(executor: Executor, task: Task, signal: AbortSignal): Promise<TaskResult> {
    const { taskTimeoutMs } = this.#options;
    if (taskTimeoutMs === undefined) return executor.run(task, signal);
    const timeout = new MillraceError("TASK_TIMEOUT", `A task took longer than taskTimeout (${taskTimeoutMs} ms).`, {
      hint: "Look for a function that never returns, or raise taskTimeout. On threads the executor was ended and replaced.",
      at: task.slice ? { topic: task.slice.topic, partition: task.slice.partition } : {},
    });
    const ended = Promise.withResolvers<never>();
    const controller = new AbortController();
    const timer = setTimeout(() => {
      // Aborting ends what awaits; only the end of its thread ends a function that does not.
      controller.abort(timeout);
      executor.kill("a task took longer than taskTimeout");
      ended.reject(timeout);
    }, taskTimeoutMs);
    try {
      return await Promise.race([executor.run(task, AbortSignal.any([signal, controller.signal])), ended.promise]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** An idle executor, if possible another one than `avoid`. */
  async #acquire(avoid: Executor | undefined, signal: AbortSignal): Promise<Executor> {
    if (this.#broken !== undefined) throw this.#broken;
    signal.throwIfAborted();
    const index = this.#idle.findIndex((executor) => executor !== avoid);
    if (index >= 0) return this.#idle.splice(index, 1)[0]!;
    if (this.#options.size === 1 && this.#idle.length > 0) return this.#idle.pop()!;
    const { promise, resolve, reject } = Promise.withResolvers<Executor>();
    const others = (executor: Executor) => this.#executors.some((other) => other !== executor && other.alive);
    const applicant: Applicant = {
      take: (executor) => {
        if (executor === avoid && others(executor)) return false;
        resolve(executor);
        return true;
      },
      reject,
    };
    const giveUp = () => reject(signal.reason);
    signal.addEventListener("abort", giveUp, { once: true });
    this.#waiting.push(applicant);
    return promise.finally(() => {
      signal.removeEventListener("abort", giveUp);
      const index = this.#waiting.indexOf(applicant);
      if (index >= 0) this.#waiting.splice(index, 1);
    });
  }

  #release(executor: Executor): void {
    if (this.#stopped) return;
    if (!executor.alive) {
      if (this.#executors[executor.id] === executor) this.#replace(executor);
      return;
    }
    const taker = this.#waiting.findIndex((applicant) => applicant.take(executor));
    if (taker >= 0) this.#waiting.splice(taker, 1);
    else this.#idle.push(executor);
  }

  #replace(dead: Executor): void {
    const error = new MillraceError("EXECUTOR_DIED", `Executor ${dead.id} was lost and is being replaced.`, {
      hint: "See the failure of the task it ran.",
    });
    this.#options.onExecutorLost(dead.id, error);
    this.#startExecutor(dead.id).catch((reason) => {
      // Nobody may wait for an executor that will not come.
      this.#broken ??= reason;
      for (const applicant of this.#waiting) applicant.reject(reason);
    });
  }
}
