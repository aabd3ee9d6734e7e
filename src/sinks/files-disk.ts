import { open } from "node:fs/promises";
import { MillraceError } from "../model/errors.ts";

/** What the disk refuses, and what the manifest's log says, as the sink's own error. @throws BAD_OPTION, SINK_FAILED */
export async function onDisk<R>(folder: string, work: () => Promise<R>): Promise<R> {
  try {
    return await work();
  } catch (error) {
    // What the log says of a place where no directory can be, and never will.
    const isNoPlace = MillraceError.is(error, "BAD_OPTION");
    const ofTheLog = isNoPlace || (MillraceError.is(error) && error.code.startsWith("CHECKPOINT"));
    const cause = ofTheLog ? (error.cause ?? error) : error;
    const { code, message } = cause as NodeJS.ErrnoException;
    if ((!ofTheLog && MillraceError.is(error)) || code === undefined) throw error;
    throw new MillraceError(
      isNoPlace ? "BAD_OPTION" : "SINK_FAILED",
      `Files in ${folder} cannot be written: ${message}`,
      {
        hint: HINTS[code] ?? "The cause tells what the disk said. What is published stays; nothing of this batch is.",
        cause,
      },
    );
  }
}

/** What was made in a directory is there after a power cut only when the directory is synced too. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r");
  await folder.sync().finally(() => folder.close());
}

const HINTS: { readonly [code: string]: string } = {
  ENOSPC: "The disk is full. Make room and start again: what is published stays.",
  EACCES: "Give this user the right to write there, or choose another directory.",
  EROFS: "The file system is read-only. Choose another directory.",
  ENOTDIR: "The sink's directory must be a directory, not a file.",
  EEXIST: "The sink's directory must be a directory, not a file.",
  ENOENT: "The directory is gone, or none can be made there: was it moved, or deleted by a newer driver?",
};
