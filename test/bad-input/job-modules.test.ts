/** Job modules that cannot be run: each is told what is wrong with it and what helps. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { defineJob, runJob } from "millrace";
import { assertRefused } from "../helpers/assert-error.ts";
import { assertNothingLeft } from "../helpers/open-resources.ts";
import { jobUrl, writeJob } from "../helpers/write-job.ts";

const HEAD = 'import { defineJob, executorId, runJob, StreamingContext } from "millrace";\n';
const GRAPH = "(ssc) => ssc.queueStream([[1]]).foreachRDD(() => {})";
const OPTIONS =
  '{ appName: "odd", batchInterval: 20, trigger: "availableNow", module: import.meta.url, master: "local[1]" }';
const JOB = `export default defineJob(${OPTIONS}, ${GRAPH});\n`;

const notLoadable: [string, string, RegExp, RegExp, Record<string, string>?][] = [
  [
    "no default export",
    `${HEAD}export const job = 1;`,
    /job\.ts has no job as its default export/,
    /export default defineJob/,
  ],
  [
    "another default export",
    "export default { appName: 1 };",
    /has no job as its default export/,
    /must be what defineJob returned/,
  ],
  [
    "a job that was not called",
    `${HEAD}export default () => defineJob;`,
    /no job as its default export/,
    /what defineJob returned/,
  ],
  [
    "an enum",
    `${HEAD}enum Colour { Red }\n${JOB}`,
    /could not be loaded: .*enum/,
    /cannot translate enums.*--import tsx/s,
  ],
  [
    "a parameter property",
    `class A { constructor(readonly a: number) {} }\n${HEAD}${JOB}`,
    /could not be loaded: .*parameter property/,
    /parameter properties.*--import tsx/s,
  ],
  [
    "a decorator",
    `${HEAD}function d(_: unknown, __: unknown) {}\n@d class A {}\n${JOB}`,
    /could not be loaded/,
    /decorator, which Node does not know: start with `--import tsx`/,
  ],
  [
    "a syntax error",
    `${HEAD}const a = ;`,
    /could not be loaded: .* \([\w-]+\.ts:\d+\)\.?$/,
    /syntax error.*tsc --noEmit/,
  ],
  [
    "a syntax error in a file that it imports",
    `${HEAD}import { a } from "./parse.ts";\na;\n${JOB}`,
    /could not be loaded: .* \(parse\.ts:2\)\.?$/,
    /syntax error.*tsc --noEmit/,
    { "parse.ts": "\nexport const a = ;" },
  ],
  [
    "require",
    `${HEAD}const fs = require("node:fs");\n${JOB}`,
    /require is not defined/,
    /mixes CommonJS with ES modules.*import and export/,
  ],
  [
    "module.exports",
    `${HEAD}module.exports = defineJob(${OPTIONS}, ${GRAPH});`,
    /module is not defined/,
    /mixes CommonJS/,
  ],
  [
    "a job in a package that npm init has made CommonJS",
    `${HEAD}${JOB}`,
    /could not be loaded: Cannot use import statement outside a module \(job\.ts:1\)/,
    /takes that file for CommonJS.*npm pkg set type=module.*\.mts/,
    { "package.json": '{ "type": "commonjs" }' },
  ],
  [
    "a CommonJS package without that name",
    `${HEAD}import { odd } from "./legacy.cjs";\nodd;\n${JOB}`,
    /legacy\.cjs.*|does not provide an export named/s,
    /mixes CommonJS/,
    { "legacy.cjs": "module.exports = Object.fromEntries([['odd', 1]]);" },
  ],
  [
    "a type imported as a value",
    `${HEAD}import { Odd } from "./types.ts";\nconst a: Odd = 1;\n${JOB}`,
    /does not provide an export named 'Odd'/,
    /If it is a type.*import \{ type PageView \}/,
    { "types.ts": "export type Odd = number;" },
  ],
  [
    "a path alias",
    `${HEAD}import { a } from "@/lib/a";\na;\n${JOB}`,
    /Cannot find package '@\/lib'/,
    /path alias of tsconfig\.json.*"imports".*--import tsx/s,
  ],
  [
    "a package that is not installed",
    `${HEAD}import "left-behind";\n${JOB}`,
    /Cannot find package 'left-behind'/,
    /Install the package/,
  ],
  [
    "an import without its ending",
    `${HEAD}import { a } from "./a";\na;\n${JOB}`,
    /Cannot find module .*\/a'/,
    /whole name, with its ending.*--import tsx/s,
    { "a.ts": "export const a = 1;" },
  ],
  [
    "an import of a folder",
    `${HEAD}import { a } from "./lib";\na;\n${JOB}`,
    /Directory import/,
    /whole name, with its ending/,
    { "lib/index.ts": "export const a = 1;" },
  ],
  [
    "an import of a file that is not there",
    `${HEAD}import "./gone.ts";\n${JOB}`,
    /Cannot find module .*gone\.ts/,
    /A file that it imports is not there/,
  ],
  [
    "a package that exports no such path",
    `${HEAD}import "fast-check/odd";\n${JOB}`,
    /fast-check/,
    /Install the package|does not/,
  ],
];

for (const [what, source, message, hint, files] of notLoadable) {
  test(`${what} is told with its cure`, async (t) => {
    assertNothingLeft(t);
    const error = await assertRefused(runJob(jobUrl(t, source, files)), "JOB_NOT_LOADABLE", message, hint);
    assert.match(error.message, /job\.ts /);
  });
}

test("a module that is not there is told as that, by URL and by path", async (t) => {
  assertNothingLeft(t);
  const there = jobUrl(t, JOB);
  const gone = new URL("./gone.ts", there);
  await assertRefused(runJob(gone), "JOB_NOT_LOADABLE", /^There is no file .*gone\.ts\.$/, /Check the path/);
  const folder = new URL(".", there);
  await assertRefused(runJob(folder), "JOB_NOT_LOADABLE", /^\/.* is a folder\.$/, /file of the job/);
  await assertRefused(runJob("nowhere/job.ts"), "JOB_NOT_LOADABLE", /nowhere\/job\.ts/, /Check the path/);
});

test("an error of the module's own is the cause", async (t) => {
  const error = await assertRefused(
    runJob(jobUrl(t, 'throw new TypeError("no config");')),
    "JOB_THREW",
    /no config/,
    /cause/,
  );
  assert(error.cause instanceof TypeError);
});

test("a module that throws no error is told with what it threw", async (t) => {
  await assertRefused(
    runJob(jobUrl(t, "throw { not: 1 };")),
    "JOB_THREW",
    /could not be loaded: .*\{"not":1\}/,
    /threw while it was imported/,
  );
});

test("a module that only an executor cannot load stops the start, with the same words", async (t) => {
  assertNothingLeft(t);
  const source = `${HEAD}if (executorId !== undefined) throw new Error("not here");\n${JOB}`;
  await assertRefused(
    runJob(jobUrl(t, source)),
    "JOB_THREW",
    /job\.ts could not be loaded: not here/,
    /threw while it was imported/,
  );
});

test("a module that ends its executor stops the start", async (t) => {
  assertNothingLeft(t);
  const source = `${HEAD}if (executorId !== undefined) process.exit(9);\n${JOB}`;
  await assertRefused(
    runJob(jobUrl(t, source)),
    "EXECUTOR_DIED",
    /Executor 0 died: its thread exited with code 9/,
    /process\.exit/,
  );
});

test("a module that never finishes loading on an executor stops the start", async (t) => {
  assertNothingLeft(t);
  const source = `${HEAD}if (executorId !== undefined) await new Promise(() => {});\n${JOB}`;
  await assertRefused(
    runJob(jobUrl(t, source)),
    "JOB_NOT_LOADABLE",
    /awaits something that never comes/,
    /top-level await/,
  );
});

test("a graph that differs on an executor names the first node that does", async (t) => {
  assertNothingLeft(t);
  for (const [more, message] of [
    [
      "stream = executorId === undefined ? stream.map((x) => x) : stream.filter(() => true);",
      /the driver has "1 narrow map \(0\)", the executor "1 narrow filter \(0\)"/,
    ],
    [
      "stream = executorId === undefined ? stream.repartition(2) : stream.repartition(3);",
      /"numPartitions":2.*"numPartitions":3/,
    ],
    ["if (executorId !== undefined) stream.foreachRDD(() => {});", /the driver has .*the executor .*foreachRDD/],
    [
      "if (executorId === undefined) stream.cache().foreachRDD(() => {});",
      /the driver has "1 cache cache \(0\)", the executor .*/,
    ],
  ] as const) {
    const build = `(ssc) => { let stream = ssc.queueStream([[1]]); ${more} stream.foreachRDD(() => {}); }`;
    const source = `${HEAD}export default defineJob(${OPTIONS}, ${build});`;
    await assertRefused(runJob(jobUrl(t, source)), "GRAPH_DIFFERS", message, /decide by params, not by process\.argv/);
  }
});

test("an async build function is refused", async (t) => {
  assertNothingLeft(t);
  const build = async () => {
    throw new Error("and what it throws is not left unhandled");
  };
  const job = defineJob({ appName: "later", batchInterval: 20, master: "local" }, build as never);
  await assertRefused(runJob(job), "ASYNC_FUNCTION", /build function of job "later" is async/, /onDriver, mapAsync/);
});

test("what a build function throws is what runJob rejects with", async (t) => {
  assertNothingLeft(t);
  const boom = new Error("no topic given");
  const job = defineJob({ appName: "boom", batchInterval: 20, master: "local" }, () => {
    throw boom;
  });
  await assert.rejects(runJob(job), boom);
});

/** Runs a program of its own, as a user would. */
function runProgram(path: string): Promise<{ code: unknown; stdout: string; stderr: string }> {
  const args = ["--conditions=millrace-source", path];
  return new Promise((resolve) => {
    execFile(process.execPath, args, { timeout: 20_000 }, (error, stdout, stderr) =>
      resolve({ code: error?.code ?? 0, stdout, stderr }),
    );
  });
}

const named = `const job = defineJob(${OPTIONS}, ${GRAPH});\nexport default job;\n`;

for (const [what, start] of [
  ["awaits its start", "const running = await runJob(job);\nawait running.awaitTermination();"],
  ["does not await its start", "runJob(job).then((running) => running.awaitTermination());"],
] as const) {
  test(`a program that starts itself on its executors, and ${what}, ends with the line that is missing`, async (t) => {
    const { code, stderr } = await runProgram(writeJob(t, `${HEAD}${named}${start}`));
    assert.equal(code, 1);
    assert.match(stderr, /MillraceError: .*job\.ts calls runJob while an executor imports it/);
    assert.match(stderr, /JOB_STARTS_ITSELF/);
    assert.match(stderr, /if \(import\.meta\.main\)/);
  });
}

test("the same program with that line runs", async (t) => {
  const start = 'if (import.meta.main) {\n  await (await runJob(job)).awaitTermination();\n  console.log("done");\n}';
  const { code, stdout, stderr } = await runProgram(writeJob(t, `${HEAD}${named}${start}`));
  assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: "done\n", stderr: "" });
});

test("a StreamingContext made while an executor imports the module is refused", async (t) => {
  assertNothingLeft(t);
  const source = `${HEAD}if (executorId !== undefined) new StreamingContext({ appName: "a", batchInterval: 20 });\n${JOB}`;
  await assertRefused(
    runJob(jobUrl(t, source)),
    "JOB_STARTS_ITSELF",
    /makes a StreamingContext while an executor imports it/,
    /defineJob/,
  );
});

test("a module that starts itself is told so too when another program runs it", async (t) => {
  assertNothingLeft(t);
  const source = `${HEAD}${named}if (executorId !== undefined) void runJob(job);`;
  await assertRefused(
    runJob(pathToFileURL(writeJob(t, source))),
    "JOB_STARTS_ITSELF",
    /calls runJob while an executor/,
    /import\.meta\.main/,
  );
});
