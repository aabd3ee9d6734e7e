/** What `millrace` says to arguments that it cannot use. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { parseOptions } from "../../src/cli/arguments.ts";
import { refuseOldNode } from "../../src/cli/node-version.ts";
import { RUN_OPTIONS, RUN_USAGE } from "../../src/cli/run-options.ts";
import { JOB_CHECKS } from "../../src/job/options.ts";
import { assertRefused } from "../helpers/assert-error.ts";

const documented = readFileSync(join(import.meta.dirname, "../../docs/options.md"), "utf8");

test("an option that is not known is named, with the one that was meant", async () => {
  const parse = (...args: string[]) => parseOptions(args, { executors: { type: "string" } }, "`millrace help`");
  assert.equal(parse("--executors", "3").values.executors, "3");
  const hint = /^Did you mean "--executors"\? `millrace help`$/;
  await assertRefused(() => parse("--exectors", "3"), "BAD_OPTION", /^There is no option --exectors\.$/, hint);
  await assertRefused(() => parse("-x"), "BAD_OPTION", /^There is no option -x\.$/, /^`millrace help`$/);
  await assertRefused(() => parse("--executors"), "BAD_OPTION", /argument missing\.$/, /^`millrace help`$/);
});

test("the usage has a line for every option, and for nothing else", () => {
  const lines = RUN_USAGE.matchAll(/^ {2}--([a-z-]+)/gm);
  assert.deepEqual([...lines].map(([, name]) => name).sort(), [...RUN_OPTIONS].sort());
});

test("docs/options.md has a row for every option of a job, and names every flag", () => {
  const rows = [...documented.matchAll(/^\| `(\w+)` \|/gm)].map(([, name]) => name);
  assert.deepEqual(
    Object.keys(JOB_CHECKS).filter((name) => !rows.includes(name)),
    [],
  );
  const flags = [...documented.matchAll(/`--([a-z-]+)[ `]/g)].map(([, name]) => name);
  assert.deepEqual([...new Set(flags)].sort(), [...RUN_OPTIONS].sort());
});

test("a Node that package.json does not allow is refused, and no other", () => {
  const { engines } = JSON.parse(readFileSync(join(import.meta.dirname, "../../package.json"), "utf8"));
  assert.equal(engines.node, ">=22.22 <23 || >=24.6");
  for (const version of ["20.20.2", "22.21.9", "23.11.0", "24.5.0"]) {
    assert.match(refuseOldNode(version) ?? "", new RegExp(`needs Node 22\\.22 .* 24\\.6 or later; this is ${version}`));
  }
  for (const version of ["22.22.0", "24.6.0", "24.21.0", "25.0.0", process.versions.node]) {
    assert.equal(refuseOldNode(version), undefined, version);
  }
});
