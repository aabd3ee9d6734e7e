/**
 * `npm run mutants [names]`: breaks the engine on purpose, one patch of this folder at a time, in a copy of the tree, and runs the tests that the
 * patch names. Each must turn red; before, without a patch, each must be green.
 */
import { execFile, execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { useKafka } from "../../dev/kafka/index.ts";
import { applyMutant, type Mutant, readMutants, type TestToRun } from "./mutant.ts";

const root = join(import.meta.dirname, "../..");

/** What git knows or would add, in a folder of its own. */
function copyOfTree(): string {
  const copy = mkdtempSync(join(tmpdir(), "millrace-mutant-"));
  const list = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard"], {
    cwd: root,
    encoding: "utf8",
  });
  for (const path of list.split("\n").filter(Boolean)) cpSync(join(root, path), join(copy, path), { force: true });
  symlinkSync(join(root, "node_modules"), join(copy, "node_modules"));
  return copy;
}

/** @returns whether all of these tests pass. */
async function pass(folder: string, tests: readonly TestToRun[], brokers: string): Promise<boolean> {
  for (const { file, only } of tests) {
    const pattern = only === undefined ? [] : [`--test-name-pattern=^${only}`];
    const args = [
      "--conditions=millrace-source",
      "--test",
      "--test-force-exit",
      "--test-timeout=120000",
      ...pattern,
      file,
    ];
    const options = { cwd: folder, env: { ...process.env, KAFKA_BROKERS: brokers }, maxBuffer: 1 << 28 };
    const failed = await new Promise((done) => void execFile(process.execPath, args, options, done));
    if (failed !== null) return false;
  }
  return true;
}

async function inCopy<R>(work: (folder: string) => Promise<R>): Promise<R> {
  const folder = copyOfTree();
  try {
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** @returns what came out, and whether that is as it must be. */
async function judge({ name, tests, patch }: Mutant, brokers: string): Promise<boolean> {
  const started = performance.now();
  const red = await inCopy(async (folder) => {
    applyMutant(folder, patch);
    return !(await pass(folder, tests, brokers));
  });
  const seconds = Math.round((performance.now() - started) / 1000);
  console.log(`${name.padEnd(24)}  ${red ? "red, as it must be" : "GREEN: nothing notices it"}  (${seconds} s)`);
  return red;
}

const chosen = process.argv.slice(2);
const mutants = readMutants(dirname(import.meta.filename)).filter(
  ({ name }) => chosen.length === 0 || chosen.includes(name),
);
await using kafka = await useKafka();
const all = mutants.flatMap(({ tests }) => tests);
let allRed = await inCopy((folder) => pass(folder, all, kafka.bootstrap));
console.log(`${"without a mutant".padEnd(24)}  ${allRed ? "green" : "RED: the tests fail anyway"}`);
for (const mutant of mutants) allRed = (await judge(mutant, kafka.bootstrap)) && allRed;
process.exitCode = allRed && mutants.length > 0 ? 0 : 1;
