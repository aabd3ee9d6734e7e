import type { Action } from "../graph/action.ts";
import type { PlainError } from "../model/error-transfer.ts";
import type { DataLoss } from "../model/events.ts";
import type { RunningPlan, Slice } from "../model/plan.ts";
import type { Blocks } from "../shuffle/block.ts";
import type { Skip } from "./skips.ts";

/** What driver and executors say to each other. Only data travels: both have built the same graph from the same module. */

/**
 * One way through a batch. Its `seq` does not name it: while a batch runs, an earlier one may be read again for a slice, by two who ask at once.
 */
export type RunId = number;

/** One thing that wants the records of one partition of a node. */
export type Consumer = { readonly node: string; readonly partition: number } & (
  | { readonly kind: "blocks"; readonly of: string }
  | { readonly kind: "action"; readonly action: Action }
  | { readonly kind: "output"; readonly output: string }
);

/** One try of a task: reads one partition of one leaf, once, for all its consumers. */
export interface Task {
  readonly run: RunId;
  readonly attempt: number;
  readonly consumers: readonly Consumer[];
  /** What to read when the leaf is a source. */
  readonly slice: Slice | undefined;
  /** What the stage before left, by map task, when the leaf is a shuffle or a cache. */
  readonly inputs: readonly Blocks[];
  /** When the task advances a state. */
  readonly state?: StateVersion | undefined;
}

/** Which state a task starts from, and what its own version will be called. */
export interface StateVersion {
  readonly from: string;
  readonly to: string;
  /** The state itself, as it was written, when the executor does not hold that version. */
  readonly parts: readonly Uint8Array[] | undefined;
  /** Whether to give back the whole state instead of what has changed. */
  readonly snapshot: boolean;
}

/** What a task that advances a state leaves. */
export interface StateAdvance {
  readonly blocks: Blocks;
  /** Undefined when nothing has changed. */
  readonly written: Uint8Array<ArrayBuffer> | undefined;
}

export interface TaskResult {
  /** One for each consumer: blocks, an action's result, undefined for an output. */
  readonly results: readonly unknown[];
  /** Records read from the source. */
  readonly records: number;
  /** Bytes that came over the wire for them. */
  readonly bytes: number;
  /** What the source could not read any more, and went on without. */
  readonly losses: readonly DataLoss[];
  /** Records that a policy left out. */
  readonly skips: readonly Skip[];
  /** What it has added to accumulators, by name. */
  readonly sums?: { readonly [accumulator: string]: number };
}

/** One version of a broadcast value, encoded once for all executors. */
export interface BroadcastValue {
  readonly id: string;
  readonly version: number;
  readonly memory: SharedArrayBuffer;
}

export type ToExecutor =
  | {
      readonly type: "begin";
      readonly run: RunId;
      readonly plan: RunningPlan;
      readonly broadcasts: readonly BroadcastValue[];
    }
  | { readonly type: "end"; readonly run: RunId }
  | { readonly type: "task"; readonly id: number; readonly task: Task }
  | { readonly type: "cancel"; readonly id: number }
  | { readonly type: "stop" };

export type FromExecutor =
  | { readonly type: "ready"; readonly fingerprint: readonly string[] }
  | { readonly type: "notReady"; readonly error: PlainError }
  | { readonly type: "done"; readonly id: number; readonly result: TaskResult }
  | { readonly type: "failed"; readonly id: number; readonly error: PlainError }
  /** An error that nothing caught ends the thread. */
  | { readonly type: "dying"; readonly error: PlainError }
  | { readonly type: "stopped"; readonly error: PlainError | undefined };

/** What a thread starts with. */
export interface ThreadData {
  readonly executorId: number;
  /** URL of the job module. */
  readonly module: string;
  /** Of the module, as the driver found it. */
  readonly code: string | undefined;
  readonly params: { readonly [name: string]: unknown };
  /** Instead of the brokers that the job names. */
  readonly brokers: string | undefined;
}
