import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { MillraceError } from "../model/errors.ts";

/** Those of the package managers. */
const LOCK_FILES = ["package-lock.json", "npm-shrinkwrap.json", "pnpm-lock.yaml", "yarn.lock", "bun.lock"];

/** Of the job's own file and of the versions it is installed with; undefined for what is no file. Other files it imports are not part of it. */
export function codeHash(module: string): string | undefined {
  if (!module.startsWith("file:")) return undefined;
  const path = fileURLToPath(module);
  const hash = createHash("sha256").update(readFileSync(path));
  const lock = lockFileOf(dirname(path));
  if (lock !== undefined) hash.update(readFileSync(lock));
  return hash.digest("hex").slice(0, 16);
}

/** The nearest one, in the folder or above. */
function lockFileOf(folder: string): string | undefined {
  for (let place = folder; ; place = dirname(place)) {
    const found = LOCK_FILES.map((name) => join(place, name)).find((path) => existsSync(path));
    if (found !== undefined || place === dirname(place)) return found;
  }
}

/** Driver and executors run the same code, also when an executor is replaced after a deployment. @throws CODE_CHANGED */
export function refuseOtherCode(module: string, hashOfDriver: string | undefined): void {
  if (hashOfDriver === undefined || codeHash(module) === hashOfDriver) return;
  throw new MillraceError(
    "CODE_CHANGED",
    `${fileURLToPath(module)} or its lock file has changed since the driver started.`,
    {
      hint: "An executor would run other code than the driver. Start the job again, and deploy into another directory while it runs.",
    },
  );
}
