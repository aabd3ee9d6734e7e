/** `npm start`, run as a user runs it. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { parseOptions, UsageError } from "../../examples/page-views/options.ts";
import type { DemoResult } from "../../examples/page-views/result.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";
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

  test("with --kill the driver dies half way, and nothing is missing or doubled", async (t) => {
    const { code, stdout, stderr } = await runExample(t, demo, "--records", String(RECORDS), "--kill", "--json").ended;
    assert.equal(code, 0, stderr);
    assert.match(stderr, /Killing the driver[\s\S]*It runs again/);
    const result = JSON.parse(stdout) as DemoResult;
    assert.deepEqual([result.kills, result.sumInDatabase], [1, RECORDS]);
    checkResult(result);
  });

  test("it goes on where it stood: after Ctrl-C with a summary, and after kill -9", async (t) => {
    const home = temporaryFolder(t);
    const summary = (text: string) => {
      const found = /([\d,]+) page views written, ([\d,]+) counted: none is missing, none is doubled\./.exec(text)!;
      assert.equal(found[1], found[2]);
      assert.notEqual(found[1], "0");
    };
    const first = runExample(t, demo, "--home", home);
    await first.printed(/ batch \d+ {2}[1-9]/);
    first.interrupt();
    const { code, stdout, stderr } = await first.ended;
    assert.deepEqual({ code, stderr }, { code: 0, stderr: "" });
    summary(stdout);

    const second = runExample(t, demo, "--home", home);
    await second.printed(/Going on after [1-9][\d,]* page views[\s\S]* batch \d+ {2}[1-9]/);
    second.kill();
    await second.ended;

    const third = runExample(t, demo, "--home", home);
    await third.printed(/Going on after [1-9][\d,]* page views[\s\S]* batch \d+ {2}[1-9]/);
    third.interrupt();
    const last = await third.ended;
    assert.deepEqual([last.code, last.stderr], [0, ""]);
    assert.match(last.stdout, /none is missing, none is doubled/);
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
