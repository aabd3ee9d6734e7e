import type { Graph } from "../graph/graph.ts";
import { fromPlainError, toPlainError } from "../model/error-transfer.ts";
import type { RunningPlan } from "../model/plan.ts";
import type { Executor } from "./executor.ts";
import type { BroadcastValue, RunId, Task, TaskResult } from "./protocol.ts";
import { TaskRunner } from "./task-runner.ts";

/** `master: "local"`: tasks run in the driver's own thread, by the same rules of what may cross. */
export class InProcessExecutor implements Executor {
  readonly id = 0;
  readonly died = new Promise<never>(() => {});
  readonly #build: () => Graph;
  #runner: TaskRunner | undefined;

  constructor(build: () => Graph) {
    this.#build = build;
  }

  get alive(): boolean {
    return true;
  }

  async start(): Promise<readonly string[]> {
    const graph = this.#build();
    this.#runner = new TaskRunner(graph);
    return graph.fingerprint();
  }

  beginBatch(run: RunId, plan: RunningPlan, broadcasts: readonly BroadcastValue[]): void {
    this.#runner?.begin(run, plan, broadcasts);
  }

  endBatch(run: RunId): void {
    this.#runner?.end(run);
  }

  async run(task: Task, signal: AbortSignal): Promise<TaskResult> {
    try {
      return await this.#runner!.run(task, signal);
    } catch (error) {
      throw fromPlainError(toPlainError(error));
    }
  }

  kill(): boolean {
    return false;
  }

  async stop(): Promise<void> {
    await this.#runner?.close();
  }
}
