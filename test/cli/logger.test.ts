import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";

test("an error in the log has its code, sentence and hint, and of the stack what is the user's", () => {
  const program = `
    import { defineJob, MillraceError } from "millrace";
    import { cliLogger } from "${new URL("../../src/cli/logger.ts", import.meta.url).href}";
    let cause;
    const ofTheUser = () => { throw new TypeError("no such page", { cause: new Error("404") }); };
    try {
      defineJob({ appName: "a", get batchInterval() { return ofTheUser(); } }, () => {});
    } catch (error) {
      cause = error;
    }
    const log = cliLogger("info");
    log.error({ err: new MillraceError("TASK_FAILED", "map failed: no such page", { hint: "Look.", cause }) }, "one");
    log.error({ err: new Error("not ours") }, "two");`;
  const { stderr } = spawnSync(
    process.execPath,
    ["--conditions=millrace-source", "--input-type=module", "-e", program],
    { encoding: "utf8" },
  );
  const [one, two] = stderr
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  const { stack, at: _, ...told } = one.err;
  assert.deepEqual(told, { code: "TASK_FAILED", message: "map failed: no such page", hint: "Look." });
  assert.match(stack, /^TypeError: no such page\n.*ofTheUser/);
  assert.match(stack, /\ncaused by Error: 404\n.*ofTheUser/);
  assert.doesNotMatch(stack, /\/src\/|node:internal/);
  assert.equal(two.err.message, "not ours");
  assert.match(two.err.stack, /\n {4}at /);
});

test("on a terminal a line is its message, and the stack of one error is shown once", () => {
  const program = `
    process.stderr.isTTY = true;
    const { MillraceError } = await import("millrace");
    const { cliLogger } = await import("${new URL("../../src/cli/logger.ts", import.meta.url).href}");
    const cause = new TypeError("no such page");
    cause.stack = "TypeError: no such page\\n    at views.ts:3:1";
    const err = new MillraceError("TASK_FAILED", "map failed", { hint: "Look.", cause });
    const log = cliLogger("info");
    log.warn({ attempt: 1, err }, "try 1");
    log.warn({ attempt: 2, err }, "try 2 of \\u001b[2J\\rit");
    log.info({ seq: 5 }, "batch 5 completed");`;
  const { stderr } = spawnSync(
    process.execPath,
    ["--conditions=millrace-source", "--input-type=module", "-e", program],
    { encoding: "utf8", env: { ...process.env, NO_COLOR: "1" } },
  );
  assert.equal(
    stderr.replaceAll(/\d\d:\d\d:\d\d\.\d\d\d/g, "TIME"),
    "[TIME] WARN: try 1\n    TypeError: no such page\n        at views.ts:3:1\n[TIME] WARN: try 2 of [2Jit\n[TIME] INFO: batch 5 completed\n",
  );
});
