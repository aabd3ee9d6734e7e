/** What a user gets from the registry: the tarball, installed in an empty folder with nothing but what it declares. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import {
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";

const run = promisify(execFile);
const root = join(import.meta.dirname, "..");
const tsc = join(root, "node_modules/typescript/bin/tsc");
const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));

const folder = mkdtempSync(join(tmpdir(), "millrace-package-"));
const installed = join(folder, "node_modules/millrace");

before(async () => {
  await run(process.execPath, [join(root, "dev/build.ts")]).catch(showOutput);
  await run("npm", ["pack", "--ignore-scripts", "--pack-destination", folder], { cwd: root });
  const tarball = join(folder, `millrace-${manifest.version}.tgz`);
  mkdirSync(installed, { recursive: true });
  await run("tar", ["-xzf", tarball, "--strip-components=1", "-C", installed]);
  // Only what is declared is there to be found: a forgotten dependency fails.
  for (const name of [...Object.keys(manifest.dependencies), "@types/node"]) {
    const place = join(folder, "node_modules", name);
    mkdirSync(dirname(place), { recursive: true });
    symlinkSync(join(root, "node_modules", name), place);
  }
});

after(() => rmSync(folder, { recursive: true, force: true }));

test("the package holds what a user needs and nothing else", () => {
  const files = globSync("**/*.*", { cwd: installed }).concat("LICENSE").sort();
  const documents = ["CHANGELOG.md", "LICENSE", "README.md", "package.json"];
  assert.deepEqual(
    files.filter((file) => !file.startsWith("dist/")),
    documents,
  );
  const modules = globSync("**/*.ts", { cwd: join(root, "src") }).map((file) => file.replace(/\.ts$/, ""));
  const types = modules.map((module) => `dist/${module}.d.ts`);
  // What can be imported or run, and what all of it shares: a file for each module would be found in three times the time.
  const entries = [
    "index",
    "sinks/index",
    "avro/index",
    "testing/index",
    "cli/main",
    "cli/commands",
    "engine/thread-entry",
  ];
  const expected = [...types, ...[...entries, "engine/engine"].map((entry) => `dist/${entry}.js`)];
  const assets = files.filter((file) => /\.(html|css|svg|json|wasm)$/.test(file) && file.startsWith("dist/"));
  assert.deepEqual(
    files.filter((file) => file.startsWith("dist/")),
    [...expected, ...assets].sort(),
  );
});

test("every path that package.json names exists", () => {
  const paths = JSON.stringify([manifest.exports, manifest.bin]).match(/\.\/dist\/[^"]+/g)!;
  assert.ok(paths.length >= 3);
  for (const path of paths) assert.ok(existsSync(join(installed, path)), path);
});

test("the installed package can be imported and every public value is there", async () => {
  const source = await import("../src/index.ts");
  const program = 'console.log(JSON.stringify(Object.keys(await import("millrace"))))';
  const { stdout } = await run(process.execPath, ["--input-type=module", "-e", program], { cwd: folder });
  assert.deepEqual(JSON.parse(stdout), Object.keys(source));
});

test("what is imported bears the names that the sources give it, whatever the bundler has to keep apart", async () => {
  const program = `
    const names = ["", "/sinks", "/avro", "/testing"].map(async (entry) =>
      Object.entries(await import("millrace" + entry)).map(([exported, value]) => [exported, value?.name]));
    console.log(JSON.stringify((await Promise.all(names)).flat()));`;
  const args = ["--input-type=module", "-e", program];
  const ofPackage = await run(process.execPath, args, { cwd: folder });
  const ofSources = await run(process.execPath, ["--conditions=millrace-source", ...args], { cwd: root });
  assert.deepEqual(JSON.parse(ofPackage.stdout), JSON.parse(ofSources.stdout));
});

test("an error is of the one class MillraceError, whichever entry threw it", async () => {
  const program = `
    import { MillraceError } from "millrace";
    import { avro } from "millrace/avro";
    import { postgres } from "millrace/sinks";
    import { runPipeline } from "millrace/testing";
    for (const call of [() => avro({}), () => postgres({}), () => runPipeline(5, (stream) => stream)]) {
      await (async () => call())().catch((error) => console.log(error instanceof MillraceError));
    }`;
  const { stdout } = await run(process.execPath, ["--input-type=module", "-e", program], { cwd: folder });
  assert.equal(stdout, "true\ntrue\ntrue\n");
});

test("millrace/avro says what to install as long as avsc is not there, and works when it is", async () => {
  const program = `
    import { avro } from "millrace/avro";
    try {
      console.log(avro({ schema: "int" })(Uint8Array.of(2)));
    } catch ({ code, message, hint }) {
      console.log(code, message, hint);
    }`;
  const args = ["--input-type=module", "-e", program];
  const without = await run(process.execPath, args, { cwd: folder });
  assert.equal(without.stdout, 'JOB_NOT_LOADABLE millrace/avro needs the package "avsc". npm install avsc\n');
  symlinkSync(join(root, "node_modules/avsc"), join(folder, "node_modules/avsc"));
  const withIt = await run(process.execPath, args, { cwd: folder });
  assert.equal(withIt.stdout, "1\n");
});

test("the installed command runs", async () => {
  const { stdout } = await run(join(installed, manifest.bin.millrace), ["--help"]);
  assert.match(stdout, /millrace run/);
});

test("nothing of the package is loaded before the command has turned on the cache of compiled code", () => {
  const main = readFileSync(join(installed, manifest.bin.millrace), "utf8");
  const imported = Array.from(main.matchAll(/^import .*from "(.+)";$/gm), ([, name]) => name!);
  assert.ok(imported.length > 0);
  for (const name of imported) assert.match(name, /^node:/);
});

test("a job runs on the threads of the installed package", async () => {
  writeFileSync(
    join(folder, "doubled.mjs"),
    `import { defineJob, executorId } from "millrace";
    export default defineJob({ appName: "doubled", batchInterval: "1s" }, (ssc) => {
      const doubled = ssc.parallelize([1, 2, 3], { numPartitions: 2 }).map((n) => [executorId !== undefined, n * 2]);
      ssc.onDriver(async () => console.log(JSON.stringify(await doubled.collect())));
    });`,
  );
  const command = join(installed, manifest.bin.millrace);
  const { stdout } = await run(command, ["run", "doubled.mjs", "--executors", "2"], { cwd: folder });
  assert.match(stdout, /^\[\[true,2\],\[true,4\],\[true,6\]\]$/m);
});

test("a function that throws is named with its place in the job, and the stack that is shown is the user's", async () => {
  writeFileSync(
    join(folder, "failing.mjs"),
    `import { defineJob } from "millrace";
export default defineJob({ appName: "failing", batchInterval: "1s" }, (ssc) => {
  const failing = ssc.parallelize([1]).map((n) => n.nothing.at);
  ssc.onDriver(async () => void (await failing.collect()));
});`,
  );
  const command = join(installed, manifest.bin.millrace);
  const job = run(command, ["run", "failing.mjs", "--executors", "1", "--log-level", "silent"], { cwd: folder });
  const { stderr } = (await job.catch((error) => error)) as { stderr: string };
  assert.match(stderr, /map at failing\.mjs:3:\d+ failed/);
  assert.match(stderr, /\n +at .*failing\.mjs:3:\d+/);
  assert.doesNotMatch(stderr, /dist\//);
});

test("what needs a package that is not installed says how to install it", async () => {
  const program = `import { defineJob, KafkaUtils, runJob } from "millrace";
    import { postgres } from "millrace/sinks";
    const connection = "postgres://localhost:1/none";
    const sink = postgres({ connection, table: "t", row: (n) => ({ n }) })["~sink"];
    const job = defineJob({ appName: "a", batchInterval: "1s", master: "local", checkpointDirectory: connection }, (ssc) => {
      KafkaUtils.createDirectStream(ssc, ["t"], { "bootstrap.servers": "localhost:1" }).pprint();
    });
    for (const start of [() => sink.open({}), () => runJob(job)]) {
      await start().catch(({ code, message, hint }) => console.log(code, message, hint));
    }`;
  const { stdout } = await run(process.execPath, ["--input-type=module", "-e", program], { cwd: folder });
  assert.equal(
    stdout,
    'JOB_NOT_LOADABLE The postgres sink needs the package "pg". npm install pg\n' +
      'JOB_NOT_LOADABLE A checkpoint in Postgres needs the package "pg". npm install pg\n',
  );
});

test("the declarations hold in a strict program that checks libraries too, and offer nothing internal", async () => {
  writeFileSync(join(folder, "package.json"), JSON.stringify({ type: "module" }));
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions: strictest, files: ["job.ts"] }));
  writeFileSync(join(folder, "job.ts"), program);
  await run(process.execPath, [tsc, "-p", folder]).catch(showOutput);
});

const strictest = {
  target: "es2024",
  lib: ["es2024", "esnext.disposable"],
  module: "nodenext",
  types: ["node"],
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  skipLibCheck: false,
  noEmit: true,
};

const program = `
import { defineJob, DStream, type JobContext, json, KafkaUtils, type RDD } from "millrace";
import { runPipeline, testJob } from "millrace/testing";

interface PageView { user: string; country: string }

const counts: [string, number][][] = await runPipeline([["a"], []], (words) => words.countByValue());

const job = defineJob({ appName: "page-views", batchInterval: "1s" }, (ssc) => {
  const views = KafkaUtils.createDirectStream(ssc, ["page-views"],
    { "bootstrap.servers": "localhost:9092", "auto.offset.reset": "earliest" },
    { valueDecoder: json<PageView>() });

  views
    .map(({ value }) => [value.country, 1])
    .reduceByKey((a, b) => a + b)
    .foreachRDD(async (rdd, time) => {
      console.log(new Date(time), await rdd.collect(), rdd.offsetRanges());
    });
});
export default job;

export function internals(ssc: JobContext, stream: DStream<string>, rdd: RDD<string>): void {
  // @ts-expect-error
  ssc.graph;
  // @ts-expect-error
  stream.node;
  // @ts-expect-error
  rdd.node;
  // @ts-expect-error
  job.build;
  // @ts-expect-error
  new DStream();
}

await using run = await testJob(job, { topics: { "page-views": { partitions: 2 } } });
run.send("page-views", [{ key: "ann", value: { user: "ann", country: counts[0]![0]![0] } }]);
export const records: number | undefined = (await run.tick()).inputs[0]?.records;
`;

function showOutput(error: Error & { stdout?: string; stderr?: string }): never {
  throw new Error(`${error.stdout ?? ""}${error.stderr ?? ""}` || error.message, { cause: error });
}
