import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { LeftOut } from "./peer.ts";

/** A cache of the user's, not of the checkout: nothing of a peer ever enters this package. */
const cache = () => join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "millrace", "peers");

/** A folder that `fill` has filled once, on this machine. What stands in its place is whole: it is filled beside it and renamed. */
export async function filledOnce(name: string, fill: (folder: string) => Promise<void>): Promise<string> {
  const place = join(cache(), name);
  if (existsSync(place)) return place;
  await mkdir(dirname(place), { recursive: true });
  const unfinished = await mkdtemp(`${place}-fetching-`);
  try {
    await fill(unfinished);
    await rename(unfinished, place).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST") throw error;
    });
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
  return place;
}

/** Runs a tool to its end. @throws LeftOut with its last words, or that it is not installed. */
export async function runTool(file: string, args: readonly string[], cwd?: string): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)(file, args, { cwd, maxBuffer: 1 << 26 });
    return stdout;
  } catch (error) {
    const { code, stderr, stdout } = error as { code?: unknown; stderr?: string; stdout?: string };
    if (code === "ENOENT") throw new LeftOut(`there is no "${file}" on this machine`, { cause: error });
    const lastWords = (stderr?.trim() || stdout?.trim() || String(error)).split("\n").slice(-3).join(" ");
    throw new LeftOut(`${file} ${args[0]} failed: ${lastWords}`, { cause: error });
  }
}
