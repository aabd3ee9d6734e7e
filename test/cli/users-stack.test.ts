import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { usersStack } from "../../src/cli/users-stack.ts";

test("of a stack the user's own frames are shown, whether the frames are URLs or, by a loader as tsx, paths", () => {
  const ours = new URL("../../src/executor/run-task.ts", import.meta.url).href;
  for (const own of [ours, fileURLToPath(ours)]) {
    const error = new Error("no");
    error.stack = `Error: no\n    at price (/app/orders.ts:5:9)\n    at run (${own}:7:1)\n    at node:internal/x:1:1`;
    assert.equal(usersStack(error), "Error: no\n    at price (/app/orders.ts:5:9)");
  }
});
