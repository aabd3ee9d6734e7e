import type { Executor } from "../executor/executor.ts";
import type { BroadcastValue, RunId, Task, TaskResult } from "../executor/protocol.ts";
import { MillraceError } from "../model/errors.ts";
import type { RunningPlan } from "../model/plan.ts";

export type Fault = "task" | "executor";

/** What is to happen to the next tasks that start: how many of each. */
export type Faults = { [F in Fault]: number };

const ASKED_FOR = "the test asked for it";

/** An executor to which things happen when a test says so. Otherwise it is the one it stands for. */
export class FaultyExecutor implements Executor {
  readonly id: number;
  readonly died: Promise<MillraceError>;
  readonly #executor: Executor;
  readonly #faults: Faults;
  readonly #death = Promise.withResolvers<MillraceError>();
  #dead = false;

  constructor(executor: Executor, faults: Faults) {
    this.id = executor.id;
    this.#executor = executor;
    this.#faults = faults;
    this.died = Promise.race([executor.died, this.#death.promise]);
  }

  get alive(): boolean {
    return !this.#dead && this.#executor.alive;
  }

  start(): Promise<readonly string[]> {
    return this.#executor.start();
  }

  beginBatch(run: RunId, plan: RunningPlan, broadcasts: readonly BroadcastValue[]): void {
    this.#executor.beginBatch(run, plan, broadcasts);
  }

  endBatch(run: RunId): void {
    this.#executor.endBatch(run);
  }

  async run(task: Task, signal: AbortSignal): Promise<TaskResult> {
    if (this.#take("executor")) return await this.#die(task, signal);
    const fails = this.#take("task");
    const result = await this.#executor.run(task, signal);
    // At the worst moment: all of its work is done, and nobody hears of it.
    if (fails) throw taskFailed();
    return result;
  }

  kill(reason: string): boolean {
    return this.#executor.kill(reason);
  }

  stop(): Promise<void> {
    return this.#executor.stop();
  }

  #take(fault: Fault): boolean {
    if (this.#faults[fault] === 0) return false;
    this.#faults[fault]--;
    return true;
  }

  /** A thread is ended. What runs in this thread is interrupted, and never used again. */
  async #die(task: Task, signal: AbortSignal): Promise<TaskResult> {
    const interrupted = new AbortController();
    const running = this.#executor.run(task, AbortSignal.any([signal, interrupted.signal]));
    if (this.#executor.kill(ASKED_FOR)) return await running;
    this.#dead = true;
    const death = executorDied(this.id);
    interrupted.abort(death);
    await running.catch(() => {});
    this.#death.resolve(death);
    throw death;
  }
}

function taskFailed(): MillraceError {
  return new MillraceError("TASK_FAILED", `The task failed when it had done its work: ${ASKED_FOR}.`, {
    hint: 'Called was fail("task").',
  });
}

function executorDied(id: number): MillraceError {
  return new MillraceError("EXECUTOR_DIED", `Executor ${id} died: ${ASKED_FOR}.`, {
    hint: 'Called was fail("executor").',
  });
}
