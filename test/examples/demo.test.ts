/** `npm start`, run as a user runs it. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { parseOptions, UsageError } from "../../examples/page-views/options.ts";
import type { DemoResult } from "../../examples/page-views/result.ts";
import { runExample } from "./run-program.ts";

const demo = "page-views/demo.ts";
const RECORDS = 20_000;

suite("the demo", { concurrency: true }, () => {
  test("two runs at once each count exactly their own page views", async (t) => {
    const args = ["--records", String(RECORDS), "--json"];
    const runs = await Promise.all([runExample(t, demo, ...args).ended, runExample(t, demo, ...args).ended]);
    const topics = runs.map(({ code, stdout, stderr }) => {
      assert.equal(code, 0, stderr);
      assert.doesNotMatch(stderr, /warn|error/i);
      assert.match(stderr, /batch 1 /); // the progress
      const [line, ...more] = stdout.trimEnd().split("\n");
      assert.deepEqual(more, []);
      return checkResult(JSON.parse(line!));
    });
    assert.notEqual(topics[0], topics[1]);
  });

  test("Ctrl-C ends it with a summary that leaves nothing out", async (t) => {
    const program = runExample(t, demo);
    await program.printed(/ batch \d+ {2}[1-9]/);
    program.interrupt();
    const { code, stdout, stderr } = await program.ended;
    assert.deepEqual({ code, stderr }, { code: 0, stderr: "" });
    const summary = /([\d,]+) page views written, ([\d,]+) counted: none is missing, none is doubled\./.exec(stdout)!;
    assert.equal(summary[1], summary[2]);
    assert.notEqual(summary[1], "0");
  });

  test("an unknown flag is refused, and the usage is shown", async (t) => {
    const { code, stdout, stderr } = await runExample(t, demo, "--recrods", "5").ended;
    assert.deepEqual({ code, stdout }, { code: 2, stdout: "" });
    assert.match(stderr, /^Unknown option '--recrods'\.\n\nUsage: npm start/);
  });
});

for (const [args, message] of [
  [["--records", "many"], '--records takes a whole number from 1, not "many".'],
  [["--records", "0"], '--records takes a whole number from 1, not "0".'],
  [["--records", "-5"], "Option '--records' argument is ambiguous."],
  [["fast"], "Unexpected argument 'fast'."],
] as const) {
  test(`${args.join(" ")} is refused with a sentence`, () => {
    assert.throws(() => parseOptions(args), new UsageError(message));
  });
}

/** @returns the topic of the run. */
function checkResult(result: DemoResult): string {
  const { produced, processed, perCountry, ranges, problems } = result;
  assert.deepEqual({ produced, processed, problems }, { produced: RECORDS, processed: RECORDS, problems: [] });
  assert.equal(
    Object.values(perCountry).reduce((sum, views) => sum + views, 0),
    RECORDS,
  );
  assert.deepEqual(
    ranges.map(({ partition, fromOffset }) => [partition, fromOffset]),
    [0, 1, 2, 3].map((partition) => [partition, 0]),
  );
  assert.equal(
    ranges.reduce((sum, { untilOffset }) => sum + untilOffset, 0),
    RECORDS,
  );
  assert.ok(result.batches >= 1 && result.executors >= 1 && result.seconds > 0);
  return ranges[0]!.topic;
}
