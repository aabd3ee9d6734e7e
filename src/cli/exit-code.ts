import type { ErrorCode, MillraceError } from "../model/errors.ts";

/** What no restart mends: somebody has to change an option or the job, or to decide. */
const NEEDS_SOMEBODY: ReadonlySet<ErrorCode> = new Set([
  "BAD_OPTION",
  "JOB_NOT_LOADABLE",
  "JOB_STARTS_ITSELF",
  "JOB_WITHOUT_MODULE",
  "GRAPH_DIFFERS",
  // How the job is written: no output, an async function where none can be awaited, a value that cannot be sent.
  "WRONG_STATE",
  "ASYNC_FUNCTION",
  "ACTION_IN_TRANSFORM",
  "NOT_CLONEABLE",
  "OFFSETS_LOST",
  "TOPIC_COMPACTED",
  "CHECKPOINT_OF_ANOTHER_JOB",
  "CHECKPOINT_OF_ANOTHER_VERSION",
  "CHECKPOINT_CORRUPT",
  "PLAN_MISMATCH",
  "NAME_NOT_IN_JOB",
  "STATE_DIFFERS",
  "SINK_BEHIND",
  "SINK_AHEAD",
]);

/**
 * Of the process: 0 when all went well, 1 when the job failed, 2 when an option or the job's module is wrong or somebody has to decide, 3 when another driver has
 * taken over: a supervisor must not restart that one, it would take the checkpoint back.
 */
export function exitCodeOf({ code }: MillraceError): number {
  if (code === "FENCED") return 3;
  // As asked: a standby, or a driver that was about to begin.
  if (code === "STOPPED") return 0;
  return NEEDS_SOMEBODY.has(code) ? 2 : 1;
}
