/** Operators of a job have copies of their code, which V8 compiles each for itself. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
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
