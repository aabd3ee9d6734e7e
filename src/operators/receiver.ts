/** The call chain that runs once per record. */

import { ConsumerRecord } from "../model/consumer-record.ts";
import { MillraceError } from "../model/errors.ts";
import type { TaskContext } from "../model/plan.ts";

/**
 * One link of a fused chain: `push` takes a value and hands on what becomes of it, `end` says that no more will come. Links that nearly every
 * job has are classes: closures would be other functions in each task, for which V8 throws away what it has compiled for the first.
 */
export interface Receiver<in T> {
  /** Does not look at the values. */
  readonly countsOnly?: true;
  push(value: T): void;
  end(): void;
}

/** Where a record lies. */
export interface RecordPlace {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
}

/** Values that arrive together, taken in their order. A source's chunk also knows which record was taken last. */
export interface Chunk<out T> {
  readonly length: number;
  /** As of an array. */
  at(index: number): T | undefined;
  /** The record that was taken last, for an error thrown by who took it. */
  place?(): RecordPlace;
  /** Asked when a promise was found where none may be: what to throw when a decoder gave it for that record. */
  promised?(): MillraceError | undefined;
}

/** Thrown through a chain when its last link has all it wants. Not a failure. */
export const enough = Symbol("enough");

/** Where an operator stands in the user's program: `map at job.ts:12:6`. */
export type OperatorName = string;

/** A function of the user threw inside an operator. The task adds the record it was at, unless the operator knows it better. */
export class OperatorFailure extends Error {
  readonly operator: OperatorName;
  readonly place: RecordPlace | undefined;
  constructor(operator: OperatorName, cause: unknown, value?: unknown) {
    super(`${operator} failed`, { cause });
    this.operator = operator;
    if (value instanceof ConsumerRecord) {
      const { topic, partition, offset } = value;
      this.place = { topic, partition, offset };
    }
  }
}

/** What to throw when a function of the user threw `error` at `value`. A record that cannot be decoded is not that function's fault. */
export function failureOf(operator: OperatorName, error: unknown, value?: unknown): unknown {
  return MillraceError.is(error) || error === enough ? error : new OperatorFailure(operator, error, value);
}

/** What to throw when a function gave later what is needed at once. */
export function asyncFunction(operator: OperatorName, given: Promise<unknown> | "an async iterable"): MillraceError {
  // Nobody waits for it: when it fails too, that must not end the process and hide this error.
  if (given instanceof Promise) given.catch(() => {});
  const returned = given instanceof Promise ? "a promise" : given;
  const method = operator.split(" ", 1)[0];
  return new MillraceError("ASYNC_FUNCTION", `The function given to ${operator} returned ${returned}.`, {
    hint: `${method} takes functions that return at once. Use mapAsync, which awaits up to "concurrency" promises at a time and keeps the order.`,
    at: { operator },
  });
}

/** An operator that handles one record after the other, in the same task. `bind` composes it once per task. */
export interface NarrowOperator<in T = never, out U = unknown> {
  /** Gives nothing for an empty partition, so such a partition needs no task. */
  readonly perRecord?: true;
  bind(next: Receiver<U>, name: OperatorName, task: TaskContext): Receiver<T>;
}

/** An operator that may wait: it pulls chunks and gives chunks. */
export interface AsyncOperator<in T = never, out U = unknown> {
  run(input: AsyncIterable<readonly T[]>, name: OperatorName, task: TaskContext): AsyncIterable<readonly U[]>;
}
