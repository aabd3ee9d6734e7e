import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, globSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { temporaryFolder } from "../helpers/temporary-folder.ts";

const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
const INDEX = new URL("../../src/index.ts", import.meta.url).href;

/** Runs a job on a thread, with caches below `home`. @returns the folder of compiled code. */
function runJob(t: TestContext, home: string, settings: NodeJS.ProcessEnv = {}): string {
  const module = join(temporaryFolder(t), "job.ts");
  writeFileSync(
    module,
    `import { defineJob } from ${JSON.stringify(INDEX)};
    export default defineJob({ appName: "a", batchInterval: "1s" }, (ssc) => {
      const doubled = ssc.parallelize([1, 2], { numPartitions: 1 }).map((n: number) => n * 2);
      ssc.onDriver(async () => console.log(await doubled.collect(), process.env.NODE_COMPILE_CACHE));
    });`,
  );
  const { NODE_COMPILE_CACHE: _, ...inherited } = process.env;
  const { stdout, stderr } = spawnSync(
    process.execPath,
    ["--conditions=millrace-source", MAIN, "run", module, "--executors", "1", "--log-level", "warn"],
    { encoding: "utf8", timeout: 20_000, env: { ...inherited, XDG_CACHE_HOME: "", HOME: home, ...settings } },
  );
  assert.equal(stderr, "");
  assert.match(stdout, /^\[ 2, 4 \]/);
  const folder = join(home, ".cache/millrace/compiled");
  assert.equal(stdout.includes(folder), existsSync(folder), "threads are told of it");
  return folder;
}

test("what Node has compiled is kept for the next start", (t) => {
  const folder = runJob(t, temporaryFolder(t));
  const kept = globSync("*/*", { cwd: folder }).length;
  assert.ok(kept > 50, `${kept} modules`);
});

test("the environment says where compiled code is kept, and whether", (t) => {
  const home = temporaryFolder(t);
  const elsewhere = join(temporaryFolder(t), "cache");
  const folder = runJob(t, home, { XDG_CACHE_HOME: elsewhere });
  runJob(t, home, { NODE_DISABLE_COMPILE_CACHE: "1" });
  assert.equal(existsSync(folder), false);
  assert.ok(existsSync(join(elsewhere, "millrace/compiled")));
});

test("a home where nothing can be kept does not keep a job from running", (t) => {
  const file = join(temporaryFolder(t), "file");
  writeFileSync(file, "");
  for (const home of [file, "/proc", "/dev/null/none"]) assert.equal(existsSync(runJob(t, home)), false);
});
