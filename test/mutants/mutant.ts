import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";

export interface TestToRun {
  readonly file: string;
  /** The beginning of its name. */
  readonly only: string | undefined;
}

/** A patch that takes one safeguard away, and the tests that must notice. */
export interface Mutant {
  readonly name: string;
  /** What it breaks, and what comes of it. */
  readonly what: string;
  /** Files of tests, from the root, and the test in each when it is only one. */
  readonly tests: readonly TestToRun[];
  /** Path of the patch. */
  readonly patch: string;
}

/** Every patch of a folder. Its head says what it does and, in lines like "Red: file" or "Red: file: name of a test", what must turn red. */
export function readMutants(folder: string): readonly Mutant[] {
  const patches = readdirSync(folder).filter((name) => name.endsWith(".patch"));
  return patches.sort().map((name) => {
    const [head = ""] = readFileSync(join(folder, name), "utf8").split("\ndiff --git ");
    const tests = [...head.matchAll(/^Red: ([^:\n]+)(?:: (.+))?$/gm)].map(([, file, only]) => ({ file: file!, only }));
    return { name: basename(name, ".patch"), what: head.split("\n")[0]!, tests, patch: join(folder, name) };
  });
}

/** Changes the files of a tree, never of one that is worked on: the caller gives a copy. @throws when the code has moved on. */
export function applyMutant(folder: string, patch: string): void {
  execFileSync("git", ["apply", "-C1", patch], { cwd: folder, stdio: "pipe" });
}

/** Whether it still fits. Changes nothing. */
export function fits(folder: string, patch: string): boolean {
  try {
    execFileSync("git", ["apply", "-C1", "--check", patch], { cwd: folder, stdio: "pipe" });
    return true;
  } catch {
    return false;
  }
}
