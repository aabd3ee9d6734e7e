import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";

test("an error in the log says the message of its cause once, and has its code and hint", () => {
  const program = `
    import { MillraceError } from "millrace";
    import { cliLogger } from "${new URL("../../src/cli/logger.ts", import.meta.url).href}";
    const cause = new Error("no such page");
    const hint = "Look it up.";
    cliLogger("info").error({ err: new MillraceError("TASK_FAILED", "map failed: no such page", { hint, cause }) }, "it ended");`;
  const { stderr } = spawnSync(
    process.execPath,
    ["--conditions=millrace-source", "--input-type=module", "-e", program],
    { cwd: import.meta.dirname, encoding: "utf8" },
  );
  const { err, msg } = JSON.parse(stderr);
  assert.equal(msg, "it ended");
  assert.deepEqual([err.code, err.message, err.hint], ["TASK_FAILED", "map failed: no such page", "Look it up."]);
  assert.equal(err.cause.message, "no such page");
});
