/** Every error the engine raises on purpose: a code, a sentence, a hint, and where it happened. */

export type ErrorCode =
  | "TASK_FAILED"
  | "TASK_TIMEOUT"
  | "OUTPUT_FAILED"
  | "OUTPUT_TIMEOUT"
  | "EXECUTOR_DIED"
  | "DECODE_FAILED"
  | "CORRUPT_RECORD"
  | "NOT_CLONEABLE"
  | "BROKER_UNREACHABLE"
  | "BROKER_REFUSED"
  | "TOPIC_NOT_FOUND"
  | "NO_LEADER"
  | "OFFSETS_LOST"
  | "TOPIC_COMPACTED"
  | "FENCED"
  | "CHECKPOINT_CORRUPT"
  | "CHECKPOINT_UNUSABLE"
  | "CHECKPOINT_OF_ANOTHER_JOB"
  | "CHECKPOINT_OF_ANOTHER_VERSION"
  | "PLAN_MISMATCH"
  | "NAME_NOT_IN_JOB"
  | "STATE_DIFFERS"
  | "SINK_FAILED"
  | "SINK_BEHIND"
  | "SINK_AHEAD"
  | "REGISTRY_UNREACHABLE"
  | "REGISTRY_REFUSED"
  | "JOB_STARTS_ITSELF"
  | "JOB_WITHOUT_MODULE"
  | "JOB_NOT_LOADABLE"
  | "JOB_THREW"
  | "GRAPH_DIFFERS"
  | "CODE_CHANGED"
  | "ASYNC_FUNCTION"
  | "ACTION_IN_TRANSFORM"
  | "ACTION_AFTER_BATCH"
  | "ACTION_NOT_AWAITED"
  | "NOT_REMEMBERED"
  | "CLOSE_FAILED"
  | "EMPTY_RDD"
  | "BAD_OPTION"
  | "WRONG_STATE"
  | "STOPPED"
  | "INTERNAL_ERROR";

/** Where an error happened, as far as it is known. */
export interface ErrorPlace {
  /** The operator's method and the place in the user's file that called it: `map at job.ts:12:6`. */
  readonly operator?: string;
  readonly batchTime?: number;
  readonly topic?: string;
  readonly partition?: number;
  readonly offset?: number;
}

const brand = Symbol.for("millrace.error");

/**
 * Every error of the engine. `cause` is the user's error: the object itself on the driver; from an executor an Error with its
 * name, message, stack, code and own plain properties. So test `error.cause.name`, not `instanceof`: the same on `local`.
 */
export class MillraceError extends Error {
  readonly code: ErrorCode;
  /** What to do about it, in a sentence. */
  readonly hint: string;
  /** Where: operator with file and line, batch time, topic, partition, offset of the record. */
  readonly at: ErrorPlace;

  constructor(code: ErrorCode, message: string, details: { hint: string; at?: ErrorPlace; cause?: unknown }) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = "MillraceError";
    this.code = code;
    this.hint = details.hint;
    this.at = details.at ?? {};
    Object.defineProperty(this, brand, { value: true });
  }

  /** By brand, so it holds across two copies of the package. */
  static is(error: unknown, code?: ErrorCode): error is MillraceError {
    return (
      error instanceof Error &&
      brand in error &&
      (code === undefined || (error as unknown as MillraceError).code === code)
    );
  }
}

/** For our own mistakes: what the world does has a code of its own. No failure policy goes on after one. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw internalError(message);
}

export function unreachable(value: never): never {
  throw internalError(`unexpected ${JSON.stringify(value)}`);
}

export function internalError(message: string, cause?: unknown): MillraceError {
  return new MillraceError("INTERNAL_ERROR", `millrace has a bug: ${message}`, {
    hint: "Please report it, with the stack of the error. Nothing is left out because of it: the batch stays first in line.",
    cause,
  });
}
