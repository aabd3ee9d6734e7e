import type { ResolvedOptions } from "../job/options.ts";
import type { Clock } from "../model/clock.ts";
import { durationText } from "../model/duration.ts";
import { sentenceOf } from "../model/error-place.ts";
import { type ErrorCode, MillraceError } from "../model/errors.ts";
import type { Journal } from "./journal.ts";

/** What becomes of a batch that has failed: what `retry` tries again, and what `continue` leaves out. */

/** Not the batch has failed but what decides about batches, or the engine itself: no failure policy goes on after it. */
const ENDS_THE_DRIVER: ReadonlySet<ErrorCode> = new Set([
  "FENCED",
  "CHECKPOINT_UNUSABLE",
  "CHECKPOINT_CORRUPT",
  "STOPPED",
  // What a sink or the checkpoint holds is not of this history, and will not be of it for any batch that follows.
  "PLAN_MISMATCH",
  "STATE_DIFFERS",
  // Executors cannot be replaced any more.
  "CODE_CHANGED",
  "GRAPH_DIFFERS",
  "JOB_NOT_LOADABLE",
  "JOB_THREW",
  "INTERNAL_ERROR",
]);

/** What functions of the job, its records or its sinks did. Another batch may fare better. */
const OF_ONE_BATCH: ReadonlySet<ErrorCode> = new Set([
  "TASK_FAILED",
  "TASK_TIMEOUT",
  "OUTPUT_FAILED",
  "OUTPUT_TIMEOUT",
  "EXECUTOR_DIED",
  "ASYNC_FUNCTION",
  "NOT_CLONEABLE",
  "ACTION_NOT_AWAITED",
  "ACTION_AFTER_BATCH",
  "ACTION_IN_TRANSFORM",
  "EMPTY_RDD",
  "BAD_OPTION",
  "WRONG_STATE",
  "DECODE_FAILED",
  "CORRUPT_RECORD",
  "OFFSETS_LOST",
  "SINK_FAILED",
]);

/** Of a sink they are its failure. Of what is read they say nothing about the batch: all that follow would be left out like it. */
const OUTAGES: ReadonlySet<ErrorCode> = new Set([
  "BROKER_UNREACHABLE",
  "BROKER_REFUSED",
  "NO_LEADER",
  "TOPIC_NOT_FOUND",
  "REGISTRY_UNREACHABLE",
  "REGISTRY_REFUSED",
]);

/** Also when a function of the job caught it and threw an error of its own with it as the cause. */
export function endsTheDriver(error: unknown): boolean {
  for (let reason = error; reason instanceof Error; reason = reason.cause) {
    if (MillraceError.is(reason) && ENDS_THE_DRIVER.has(reason.code)) return true;
  }
  return !MillraceError.is(error);
}

/** Whether the stream may go on without the batch that failed so. */
export function mayBeLeftOut(error: MillraceError): boolean {
  if (endsTheDriver(error)) return false;
  return OF_ONE_BATCH.has(error.code) || (OUTAGES.has(error.code) && error.at.operator !== undefined);
}

const LONGEST_BACKOFF_MS = 60_000;

export interface RetryParts {
  readonly options: Pick<ResolvedOptions, "failedBatch" | "logger">;
  readonly clock: Clock;
  readonly pool: { readonly broken: boolean };
  /** A graceful stop: nothing is tried again. */
  readonly stopping: AbortSignal;
  readonly journal: Pick<Journal, "refuseWhenFenced">;
}

/**
 * Does `work` as often as the failure policy says.
 * @param told Whether listeners have been told of a failure; else the log is.
 * @returns the last failure, when the policy allows no more. @throws what ends the driver
 */
export async function tryAgain(
  seq: number,
  { options, clock, pool, stopping, journal }: RetryParts,
  work: () => Promise<void>,
  told = true,
): Promise<MillraceError | undefined> {
  const { retries, backoffMs } = options.failedBatch;
  for (let retry = 0; ; retry++) {
    try {
      await work();
      return undefined;
    } catch (thrown) {
      const error = await fencedOr(thrown, journal);
      if (endsTheDriver(error) || pool.broken || stopping.aborted) throw error;
      if (retry === retries) return error as MillraceError;
      const pauseMs = Math.min(LONGEST_BACKOFF_MS, backoffMs * 2 ** retry);
      const again = `in ${durationText(pauseMs)}, retry ${retry + 1} of ${retries}`;
      const fields = { seq, retry: retry + 1, pauseMs };
      if (told) options.logger?.warn(fields, `batch ${seq} runs again ${again}`);
      else options.logger?.warn({ ...fields, err: error }, `${sentenceOf(error as Error)} It is tried again ${again}`);
      // A stop that is asked for meanwhile ends the stream with the batch's failure.
      await clock.sleepUntil(clock.now() + pauseMs, stopping).catch(() => Promise.reject(error));
    }
  }
}

/**
 * To a driver that was replaced anything may happen: its sessions are ended, its files swept away. What it must say is that it was replaced, or
 * whoever watches over it would start it again.
 */
async function fencedOr(error: unknown, journal: RetryParts["journal"]): Promise<unknown> {
  try {
    await journal.refuseWhenFenced();
    return error;
  } catch (other) {
    return MillraceError.is(other, "FENCED") ? other : error;
  }
}
