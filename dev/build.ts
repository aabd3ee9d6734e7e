/**
 * `npm run build`: the published package in dist/, from src/. Declarations file by file; the JavaScript in one file for each name that can be
 * imported and one for what they share, since Node needs longer to find three hundred small files than to run them, in every thread anew.
 */
import { execFileSync } from "node:child_process";
import { chmodSync, copyFileSync, globSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { rolldown } from "rolldown";

const root = join(import.meta.dirname, "..");
const dist = join(root, "dist");

/** Where each entry goes, and what it is in src/. The thread entry lies beside what starts it. */
const ENTRIES = {
  index: "index",
  "sinks/index": "sinks/index",
  "avro/index": "avro/index",
  "testing/index": "testing/index",
  "cli/main": "cli/main",
  "cli/commands": "cli/commands",
  "engine/thread-entry": "executor/thread-entry",
};

const compiled = mkdtempSync(join(tmpdir(), "millrace-build-"));
try {
  rmSync(dist, { recursive: true, force: true });
  compile();
  await bundle();
  copyAssets();
  chmodSync(join(dist, "cli/main.js"), 0o755);
} finally {
  rmSync(compiled, { recursive: true, force: true });
}

function compile(): void {
  const tsc = join(root, "node_modules/typescript/bin/tsc");
  const out = ["--outDir", compiled, "--declarationDir", dist];
  try {
    execFileSync(process.execPath, [tsc, "-p", "tsconfig.build.json", ...out], { cwd: root, stdio: "inherit" });
  } catch {
    process.exit(1); // tsc has said what is wrong
  }
}

/** Nothing is shortened or renamed: stack traces and console.log show what the sources say. */
async function bundle(): Promise<void> {
  const input = Object.fromEntries(Object.entries(ENTRIES).map(([name, module]) => [name, `./${module}.js`]));
  await using modules = await rolldown({
    cwd: compiled,
    input,
    platform: "node",
    external: (name) => !/^[./]/.test(name),
    onwarn: ({ message }) => {
      throw new Error(message);
    },
  });
  await modules.write({
    dir: dist,
    minify: false,
    entryFileNames: "[name].js",
    // One folder deep, as sources are: that is where they expect the package's root.
    chunkFileNames: "engine/[name].js",
    codeSplitting: { groups: [{ name: "engine", minShareCount: 2 }] },
  });
}

/** Each lies beside the module that asks for it, and those are in the one file that all entries share. */
function copyAssets(): void {
  const assets = globSync("**/*.*", { cwd: join(root, "src") }).filter((file) => !/\.(ts|wat)$/.test(file));
  for (const asset of assets) copyFileSync(join(root, "src", asset), join(dist, "engine", basename(asset)));
}
