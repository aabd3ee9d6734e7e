import assert from "node:assert/strict";
import { test } from "node:test";
import { exitCodeOf } from "../../src/cli/exit-code.ts";
import { type ErrorCode, MillraceError } from "../../src/model/errors.ts";

const exitCode = (code: ErrorCode) => exitCodeOf(new MillraceError(code, "It failed.", { hint: "Mend it." }));

test("a supervisor learns from the exit code whether starting again can help", () => {
  assert.deepEqual((["BROKER_UNREACHABLE", "TASK_FAILED", "CHECKPOINT_UNUSABLE"] as const).map(exitCode), [1, 1, 1]);
  assert.deepEqual(
    (["BAD_OPTION", "SINK_BEHIND", "SINK_AHEAD", "PLAN_MISMATCH", "STATE_DIFFERS"] as const).map(exitCode),
    [2, 2, 2, 2, 2],
  );
  assert.deepEqual((["JOB_NOT_LOADABLE", "GRAPH_DIFFERS", "OFFSETS_LOST"] as const).map(exitCode), [2, 2, 2]);
  const mistakes = ["WRONG_STATE", "ASYNC_FUNCTION", "ACTION_IN_TRANSFORM", "NOT_CLONEABLE"] as const;
  assert.deepEqual(mistakes.map(exitCode), [2, 2, 2, 2], "the job itself must be changed");
  assert.deepEqual((["JOB_THREW", "CODE_CHANGED"] as const).map(exitCode), [1, 1], "what the module asked may answer");
  assert.equal(exitCode("FENCED"), 3);
  assert.equal(exitCode("STOPPED"), 0);
});
