import { existsSync, mkdirSync } from "node:fs";
// As a whole: an older Node, which has less in it, is still to be told that it is too old.
import * as nodeModule from "node:module";
import { homedir } from "node:os";
import { join } from "node:path";

/**
 * Node keeps what V8 makes of a module's text, and the JavaScript that it makes of TypeScript, for the next process with the same text: of this
 * package, the job, and what the job imports, in the driver and its threads. Where nothing can be kept, all is compiled anew.
 *
 * The folder is the user's own, since whoever can write there can run code here; Node's default is in the folder for temporary files, which
 * all users share.
 */
export function keepCompiledCode(): void {
  const { NODE_COMPILE_CACHE, NODE_DISABLE_COMPILE_CACHE, XDG_CACHE_HOME } = process.env;
  if (NODE_COMPILE_CACHE !== undefined || NODE_DISABLE_COMPILE_CACHE !== undefined) return;
  let folder: string;
  try {
    const caches = XDG_CACHE_HOME || join(homedir(), ".cache");
    folder = join(caches, "millrace", "compiled");
    // One by one: where a file system takes no folders, as /proc does, Node's own way tries for ever.
    for (const place of [caches, join(caches, "millrace"), folder]) {
      if (!existsSync(place)) mkdirSync(place, { mode: 0o700 });
    }
  } catch {
    return; // a user without a home, a disk that is only read, another process that is making them
  }
  // Threads, and the process that `--supervise` starts, are told by the environment.
  if (nodeModule.enableCompileCache(folder).status === nodeModule.constants.compileCacheStatus.ENABLED)
    process.env.NODE_COMPILE_CACHE = folder;
}
