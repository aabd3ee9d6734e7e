import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fits, readMutants, type TestToRun } from "./mutant.ts";

const root = join(import.meta.dirname, "../..");

const isThere = ({ file, only }: TestToRun) =>
  existsSync(join(root, file)) && (only === undefined || readFileSync(join(root, file), "utf8").includes(only));

for (const { name, what, tests, patch } of readMutants(import.meta.dirname)) {
  test(`the mutant ${name} fits the code as it is now, and names tests that are there`, () => {
    assert.ok(what.endsWith("."), "it says what it breaks");
    assert.ok(tests.length > 0 && tests.every(isThere), JSON.stringify(tests));
    assert.ok(fits(root, patch), `${patch} does not apply any more: make it anew`);
  });
}
