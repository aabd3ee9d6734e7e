/** Operators of a job have copies of their code, which V8 compiles each for itself. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { rolldown } from "rolldown";
import { ownCode } from "../../src/operators/own-code.ts";

const adding = (a: number) => (b: number) => a + b;
const plus = (a: number) => ownCode(adding, a);

test("each place in a program has one copy, which does what the source does", () => {
  const own = plus(1);
  const first = own("map at job.ts:1:1");
  assert.equal(first(2), 3);
  assert.equal(own("map at job.ts:1:1"), first);
  const second = own("map at job.ts:2:1");
  assert.notEqual(second, first);
  assert.equal(second(2), 3);
});

test("copies of two sources at one place are apart", () => {
  const [name, subtracting] = ["map at job.ts:1:1", (a: number) => (b: number) => a - b];
  assert.deepEqual([plus(1)(name)(2), ownCode(subtracting, 1)(name)(2)], [3, -1]);
});

test("a source in which a bundler calls a function of its own, to keep names, is used as it stands", () => {
  const named = <F>(code: F): F => code;
  const own = ownCode((a: number) => named((b: number) => a + b), 1);
  assert.equal(own("map at job.ts:1:1")(2), 3);
});

test("operators work in a job that was bundled for an older JavaScript", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "millrace-bundled-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const operators = join(import.meta.dirname, "../../src/operators");
  const entry = join(folder, "job.ts");
  writeFileSync(
    entry,
    `import { filter } from "${operators}/filter.ts";
    import { flatMap } from "${operators}/flat-map.ts";
    import { map } from "${operators}/map.ts";
    export const values = [];
    const flat = flatMap((n) => [n, n]).bind({ push: (value) => values.push(value), end: () => values.push("end") }, "flatMap");
    const mapped = map((n) => n * 10).bind(filter((n) => n > 10).bind(flat, "filter"), "map");
    for (const value of [1, 2]) mapped.push(value);
    mapped.end();`,
  );
  for (const target of ["esnext", "es2021"]) {
    const bundle = await rolldown({ input: entry, platform: "node", transform: { target } });
    const file = join(folder, `${target}.mjs`);
    await bundle.write({ file });
    await bundle.close();
    assert.deepEqual(((await import(file)) as { values: unknown[] }).values, [20, 20, "end"], target);
  }
});

test("where Node runs no programs that are made at run time, operators do without copies", () => {
  const program = `
    import { runPipeline } from "millrace/testing";
    const [batch] = await runPipeline([[1, 2]], (numbers) =>
      numbers.map((n) => n * 10).filter((n) => n > 10).flatMap((n) => [n, n]).map((n) => n + 1));
    process.stdout.write(JSON.stringify(batch));`;
  const args = ["--disallow-code-generation-from-strings", "--conditions=millrace-source", "--input-type=module"];
  const given = execFileSync(process.execPath, [...args, "--eval", program], { encoding: "utf8" });
  assert.equal(given, "[21,21]");
});
