import { AsyncLocalStorage } from "node:async_hooks";
import { MillraceError } from "../model/errors.ts";

/** Broadcast values and accumulators: what all tasks share. What they mean depends on the task that asks, so a task runs with them. */

export interface TaskVariables {
  broadcast(id: string): unknown;
  add(accumulator: string, amount: number): void;
}

/** Follows a task through all it awaits; several batches may be under way in one thread, and driver and executor may be one thread. */
const running = new AsyncLocalStorage<TaskVariables>();

export function withVariables<R>(variables: TaskVariables, task: () => R): R {
  return running.run(variables, task);
}

/** One value for all executors, loaded on the driver, the same through a batch. Made by `ssc.broadcast`. Spark: `Broadcast`. */
export class Broadcast<out T> {
  /** @internal */
  readonly id: string;
  /** @internal */
  readonly name: string;
  /** @internal */
  readonly load: () => T | Promise<T>;
  /** @internal */
  readonly refreshMs: number | undefined;

  /** Not for users. */
  constructor(id: string, name: string, load: () => T | Promise<T>, refreshMs: number | undefined) {
    this.id = id;
    this.name = name;
    this.load = load;
    this.refreshMs = refreshMs;
  }

  /** A copy that all tasks of an executor share: look, do not write. @runs executor @throws WRONG_STATE on the driver */
  get value(): T {
    const variables = running.getStore();
    if (variables !== undefined) return variables.broadcast(this.id) as T;
    throw new MillraceError("WRONG_STATE", `The value of ${this.name} was asked for outside of a task.`, {
      hint: "It is for functions that run on executors. The driver has what its load function returned.",
      at: { operator: this.name },
    });
  }
}

/** A sum that tasks add to and the driver reads. Made by `ssc.accumulator`. Spark: `Accumulator`. */
export class Accumulator {
  /** @internal */
  readonly name: string;
  #total = 0;

  /** Not for users. */
  constructor(name: string) {
    this.name = name;
  }

  /** Counts when the task succeeds and its batch completes, once. @runs executor @throws WRONG_STATE on the driver */
  add(amount: number): void {
    const variables = running.getStore();
    if (variables === undefined) {
      throw new MillraceError("WRONG_STATE", `The accumulator "${this.name}" was added to outside of a task.`, {
        hint: "Functions that run on executors add to it; on the driver use a variable.",
      });
    }
    if (typeof amount !== "number") {
      throw new TypeError(`The accumulator "${this.name}" adds numbers; it got ${typeof amount}.`);
    }
    variables.add(this.name, amount);
  }

  /** What the completed batches of this run have added. @runs driver @throws WRONG_STATE in a task */
  get value(): number {
    if (running.getStore() === undefined) return this.#total;
    throw new MillraceError("WRONG_STATE", `The accumulator "${this.name}" was read in a task.`, {
      hint: "A task knows only what it has added itself. Read the sum on the driver: in foreachRDD, onDriver or a listener.",
    });
  }

  /** @internal */
  count(amount: number): void {
    this.#total += amount;
  }
}
