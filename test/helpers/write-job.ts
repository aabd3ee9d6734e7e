import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { TestContext } from "node:test";
import { pathToFileURL } from "node:url";
import { temporaryFolder } from "./temporary-folder.ts";

/** From outside the package nobody finds it by its name. */
const MILLRACE = new URL("../../src/index.ts", import.meta.url).href;

/**
 * Writes job.ts, and what else is given, into a folder of this test: for what must not lie in the repository, as it would not compile.
 * @returns the path of job.ts
 */
export function writeJob(
  t: Pick<TestContext, "after">,
  job: string,
  files: Readonly<Record<string, string>> = {},
): string {
  const folder = temporaryFolder(t);
  const all = { "package.json": '{ "type": "module" }', ...files, "job.ts": job };
  for (const [name, text] of Object.entries(all)) {
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text.replaceAll('"millrace"', JSON.stringify(MILLRACE)));
  }
  return join(folder, "job.ts");
}

/** {@link writeJob}, as a URL. */
export const jobUrl = (...args: Parameters<typeof writeJob>): URL => pathToFileURL(writeJob(...args));
