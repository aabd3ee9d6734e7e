/** Every code of an error is raised somewhere, and told in docs/errors.md; and nothing else is. */
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

const root = join(import.meta.dirname, "..");
const read = (path: string) => readFileSync(join(root, path), "utf8");

const MODEL = "src/model/errors.ts";
const union = /export type ErrorCode =([\s\S]*?);/.exec(read(MODEL))![1]!;
const codes = [...union.matchAll(/"([A-Z_]+)"/g)].map((match) => match[1]!);

test("there are codes, each named once", () => {
  assert(codes.length > 20);
  assert.deepEqual(codes.length, new Set(codes).size);
});

test("each code is raised somewhere in src", () => {
  const raised = new Set<string>();
  for (const path of globSync("src/**/*.ts", { cwd: root })) {
    for (const [, code] of read(path).matchAll(/new MillraceError\(\s*"([A-Z_]+)"/g)) raised.add(code!);
  }
  assert.deepEqual([...raised].toSorted(), codes.toSorted());
});

test("docs/errors.md has a row for each code, and for nothing else", () => {
  const rows = [...read("docs/errors.md").matchAll(/^\| `([A-Z_]+)` \|(.*)\|(.*)\|$/gm)];
  assert.deepEqual(rows.map((row) => row[1]!).toSorted(), codes.toSorted());
  for (const [, code, when, cure] of rows) {
    assert(when!.trim().endsWith(".") && cure!.trim().endsWith("."), `${code}: two sentences, please`);
  }
});
