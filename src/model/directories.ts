import { dirname } from "node:path";

/**
 * Makes a directory and those above it that are missing. Node's own recursive `mkdir` tries for ever where a file system takes no directories, as `/proc` does.
 * @returns those that were made, the topmost first
 */
export async function makeDirectories(
  path: string,
  mkdir: (path: string) => Promise<unknown>,
): Promise<readonly string[]> {
  try {
    return await make(path, mkdir);
  } catch (error) {
    const above = dirname(path);
    if (codeOf(error) !== "ENOENT" || above === path) throw error;
    const made = await makeDirectories(above, mkdir);
    return [...made, ...(await make(path, mkdir))];
  }
}

/** What is there already need not be made, nor what another process is quicker to make. */
async function make(path: string, mkdir: (path: string) => Promise<unknown>): Promise<readonly string[]> {
  try {
    await mkdir(path);
    return [path];
  } catch (error) {
    if (codeOf(error) === "EEXIST") return [];
    throw error;
  }
}

const codeOf = (error: unknown) => (error as NodeJS.ErrnoException).code;
