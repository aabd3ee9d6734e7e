import { assert, MillraceError } from "../model/errors.ts";
import type { RunningPlan } from "../model/plan.ts";
import type { Executor } from "./executor.ts";
import { compareFingerprints } from "./fingerprint.ts";
import type { BroadcastValue, RunId, StateVersion, Task, TaskResult } from "./protocol.ts";

export interface PoolOptions {
  readonly size: number;
  /** Makes executor `id`; the same id again for a replacement. */
  readonly create: (id: number) => Executor;
  readonly fingerprint: readonly string[];
  readonly taskMaxFailures: number;
  readonly taskTimeoutMs: number | undefined;
  /** A stop by force: from then on nobody waits for tasks, and what can be ended is ended. */
  readonly force: AbortSignal;
  readonly onTaskFailed: (event: FailedAttempt) => void;
  readonly onExecutorLost: (executorId: number, error: MillraceError) => void;
}

/** A task as the pool is given it. */
export interface PooledTask extends Omit<Task, "attempt" | "state"> {
  /** When it advances a state: where that is held, and what an executor must be sent of it. */
  readonly state?: {
    /** The executor that should run it, when that one is well. */
    readonly home: number;
    versionFor(executor: Executor): Promise<StateVersion>;
  };
}

export interface FailedAttempt {
  readonly task: PooledTask;
  readonly attempt: number;
  readonly executorId: number;
  readonly error: MillraceError;
  readonly willRetry: boolean;
}

/** Errors that the next attempt would meet again. */
const FINAL_CODES = new Set([
  "ASYNC_FUNCTION",
  "NOT_CLONEABLE",
  "DECODE_FAILED",
  "OFFSETS_LOST",
  "ACTION_IN_TRANSFORM",
  "BAD_OPTION",
  "FENCED",
  "PLAN_MISMATCH",
  "REGISTRY_REFUSED",
  "STATE_DIFFERS",
  "CHECKPOINT_CORRUPT",
]);

/** How often in a row an executor may die without having done anything, until that counts as a failure of the job. */
const IDLE_DEATHS_MAX = 3;

/** How long a task may go on when another one of its batch has failed: a function that hangs must not hide that failure. */
const CANCELLED_MS_MAX = 10_000;

/** A task that waits for an executor. */
interface WaitingTask {
  readonly signal: AbortSignal;
  /** False when it would rather have another one. */
  take(executor: Executor): boolean;
  reject(reason: unknown): void;
}

/** Executors, each with one task at a time; tries again elsewhere what failed, and replaces executors that died. */
export class ExecutorPool {
  readonly #options: PoolOptions;
  readonly #executors: Executor[] = [];
  readonly #idle: Executor[] = [];
  #waiting: WaitingTask[] = [];
  /** Those whose end is listened for. */
  readonly #listenedTo = new WeakSet<AbortSignal>();
  readonly #batches = new Map<RunId, readonly [RunningPlan, readonly BroadcastValue[]]>();
  /** In a row, by executor. */
  readonly #idleDeaths = new Map<number, number>();
  #runs = 0;
  #stopped = false;
  #broken: unknown;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#options.size;
  }

  /** Whether executors that were lost cannot be replaced: no task will run any more. */
  get broken(): boolean {
    return this.#broken !== undefined;
  }

  /** Starts all executors. @throws what any of them could not do: load the job, build the same graph. */
  async start(): Promise<void> {
    const started = Array.from({ length: this.#options.size }, (_, id) => this.#startExecutor(id));
    const results = await Promise.allSettled(started);
    const failed = results.find((result) => result.status === "rejected");
    if (failed) throw failed.reason;
  }

  /** @returns what its tasks, and its end, are told by. */
  beginBatch(plan: RunningPlan, broadcasts: readonly BroadcastValue[]): RunId {
    const run = ++this.#runs;
    this.#batches.set(run, [plan, broadcasts]);
    for (const executor of this.#executors) executor.beginBatch(run, plan, broadcasts);
    return run;
  }

  endBatch(run: RunId): void {
    this.#batches.delete(run);
    for (const executor of this.#executors) executor.endBatch(run);
  }

  /** Runs a task until one attempt succeeds. @throws the error of the last one when `taskMaxFailures` attempts have failed. */
  async run({ state, ...task }: PooledTask, signal: AbortSignal): Promise<TaskResult> {
    let avoid: Executor | undefined;
    for (let attempt = 1; ; attempt++) {
      const executor = await this.#acquire(avoid, state?.home, signal);
      try {
        signal.throwIfAborted();
        const version = await state?.versionFor(executor);
        return await this.#attempt(executor, { ...task, attempt, ...(version && { state: version }) }, signal);
      } catch (thrown) {
        signal.throwIfAborted();
        assert(MillraceError.is(thrown), `an executor failed with ${String(thrown)}`);
        const willRetry = attempt < this.#options.taskMaxFailures && !FINAL_CODES.has(thrown.code);
        this.#options.onTaskFailed({ task, attempt, executorId: executor.id, error: thrown, willRetry });
        if (!willRetry) throw thrown;
        avoid = executor;
      } finally {
        this.#idleDeaths.delete(executor.id);
        this.#release(executor);
      }
    }
  }

  /** Lets executors close their resources; ends those that can be ended when it comes to force. */
  async stop(): Promise<void> {
    const { force } = this.#options;
    this.#stopped = true;
    const kill = () => {
      for (const executor of this.#executors) executor.kill("the job was stopped by force");
    };
    if (force.aborted) kill();
    force.addEventListener("abort", kill, { once: true });
    const results = await Promise.allSettled(this.#executors.map((executor) => executor.stop()));
    force.removeEventListener("abort", kill);
    const failures = results.flatMap((result) => (result.status === "rejected" ? [result.reason] : []));
    if (failures.length > 0) throw failures.length === 1 ? failures[0] : new AggregateError(failures);
  }

  async #startExecutor(id: number): Promise<void> {
    const executor = this.#options.create(id);
    this.#executors[id] = executor;
    try {
      const fingerprint = await executor.start();
      compareFingerprints(this.#options.fingerprint, fingerprint, id);
    } catch (error) {
      executor.kill("it did not start");
      if (!MillraceError.is(error, "EXECUTOR_DIED") || this.#stopped) throw error;
      this.#countIdleDeath(id, error);
      await this.#startExecutor(id);
      return;
    }
    for (const [run, [plan, broadcasts]] of this.#batches) executor.beginBatch(run, plan, broadcasts);
    void executor.died.then((death) => this.#diedIdle(executor, death));
    this.#release(executor);
  }

  async #attempt(executor: Executor, task: Task, signal: AbortSignal): Promise<TaskResult> {
    const { taskTimeoutMs, force } = this.#options;
    const timeout = new AbortController();
    const ended = Promise.withResolvers<never>();
    const timer =
      taskTimeoutMs === undefined
        ? undefined
        : setTimeout(() => {
            const error = taskTimeout(task, taskTimeoutMs);
            // Aborting ends what awaits; only the end of its thread ends a function that does not.
            timeout.abort(error);
            executor.kill("a task took longer than taskTimeout");
            ended.reject(error);
          }, taskTimeoutMs);
    const forced = () => ended.reject(force.reason);
    force.addEventListener("abort", forced, { once: true });
    let grace: NodeJS.Timeout | undefined;
    const cancelled = () => {
      grace = setTimeout(() => {
        executor.kill("a task that was cancelled did not end");
        ended.reject(signal.reason);
      }, CANCELLED_MS_MAX);
    };
    signal.addEventListener("abort", cancelled, { once: true });
    try {
      return await Promise.race([executor.run(task, AbortSignal.any([signal, timeout.signal])), ended.promise]);
    } finally {
      clearTimeout(timer);
      clearTimeout(grace);
      force.removeEventListener("abort", forced);
      signal.removeEventListener("abort", cancelled);
    }
  }

  /** An idle executor, if possible another one than `avoid`, and the one that is at home. */
  async #acquire(avoid: Executor | undefined, home: number | undefined, signal: AbortSignal): Promise<Executor> {
    if (this.#broken !== undefined) throw this.#broken;
    signal.throwIfAborted();
    const suits = (executor: Executor) =>
      (executor !== avoid || this.#options.size === 1) &&
      (home === undefined || avoid !== undefined || executor.id === home % this.#options.size);
    const index = this.#idle.findIndex((executor) => executor.alive && suits(executor));
    if (index >= 0) return this.#idle.splice(index, 1)[0]!;
    const { promise, resolve, reject } = Promise.withResolvers<Executor>();
    const others = (executor: Executor) => this.#executors.some((other) => other !== executor && other.alive);
    this.#giveUpWith(signal);
    this.#waiting.push({
      signal,
      take: (executor) => {
        if (!suits(executor) && others(executor)) return false;
        resolve(executor);
        return true;
      },
      reject,
    });
    return promise;
  }

  /** Who waits with a signal gives up with it. One listener for all of them: a signal looks through those it has before it takes another. */
  #giveUpWith(signal: AbortSignal): void {
    if (this.#listenedTo.has(signal)) return;
    this.#listenedTo.add(signal);
    const giveUp = () => {
      const left = this.#waiting.filter((task) => task.signal === signal);
      this.#waiting = this.#waiting.filter((task) => task.signal !== signal);
      for (const task of left) task.reject(signal.reason);
    };
    signal.addEventListener("abort", giveUp, { once: true });
  }

  #release(executor: Executor): void {
    if (this.#stopped || this.#options.force.aborted) return;
    if (!executor.alive) {
      void this.#replace(executor);
      return;
    }
    const taker = this.#waiting.findIndex((task) => task.take(executor));
    if (taker >= 0) this.#waiting.splice(taker, 1);
    else this.#idle.push(executor);
  }

  /** An executor that dies while it runs a task is replaced when that task gives it back. */
  #diedIdle(executor: Executor, death: MillraceError): void {
    const index = this.#idle.indexOf(executor);
    if (index < 0 || this.#stopped) return;
    this.#idle.splice(index, 1);
    try {
      this.#countIdleDeath(executor.id, death);
    } catch (error) {
      this.#break(error);
      return;
    }
    void this.#replace(executor);
  }

  /** @throws when it has died too often. */
  #countIdleDeath(id: number, death: MillraceError): void {
    const deaths = (this.#idleDeaths.get(id) ?? 0) + 1;
    this.#idleDeaths.set(id, deaths);
    if (deaths === IDLE_DEATHS_MAX) throw death;
  }

  /** Starts another executor when the thread of the dead one is gone. */
  async #replace(dead: Executor): Promise<void> {
    const death = await dead.died;
    this.#options.onExecutorLost(dead.id, death);
    if (this.#stopped) return;
    await this.#startExecutor(dead.id).catch((reason) => this.#break(reason));
  }

  /** Nobody may wait for an executor that will not come. */
  #break(reason: unknown): void {
    this.#broken ??= reason;
    for (const task of this.#waiting.splice(0)) task.reject(reason);
  }
}

function taskTimeout({ slice }: Task, limitMs: number): MillraceError {
  return new MillraceError("TASK_TIMEOUT", `A task took longer than taskTimeout (${limitMs} ms).`, {
    hint: "Look for a function that never returns, or raise taskTimeout. On threads the executor was ended and replaced.",
    at: slice ? { topic: slice.topic, partition: slice.partition } : {},
  });
}
