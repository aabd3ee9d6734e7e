import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { putInPlace } from "../../dev/kafka/install.ts";
import { LeftOut } from "./peer.ts";

/** A cache of the user's, not of the checkout: nothing of a peer ever enters this package. */
const cache = () => join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "millrace", "peers");

/** A folder that `fill` has filled once, on this machine. */
export async function filledOnce(name: string, fill: (folder: string) => Promise<void>): Promise<string> {
  const place = join(cache(), name);
  if (existsSync(place)) return place;
  await putInPlace(place, fill);
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
