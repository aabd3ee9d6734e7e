import type { MillraceError } from "../model/errors.ts";
import type { RunningPlan } from "../model/plan.ts";
import type { BroadcastValue, RunId, Task, TaskResult } from "./protocol.ts";

/** One place where tasks run, one at a time. The same for the driver whether it is this thread or another. */
export interface Executor {
  readonly id: number;
  /** Builds the graph. @returns its fingerprint. */
  start(): Promise<readonly string[]>;
  beginBatch(run: RunId, plan: RunningPlan, broadcasts: readonly BroadcastValue[]): void;
  endBatch(run: RunId): void;
  /** Rejects with what the task threw; with `EXECUTOR_DIED` when the executor is gone. */
  run(task: Task, signal: AbortSignal): Promise<TaskResult>;
  /** Ends it now, whatever it does. False when it cannot be: this thread cannot end itself. */
  kill(reason: string): boolean;
  /** Lets it close its resources. */
  stop(): Promise<void>;
  readonly alive: boolean;
  /** Why it is gone, once it is. What runs in this thread never is. */
  readonly died: Promise<MillraceError>;
}
