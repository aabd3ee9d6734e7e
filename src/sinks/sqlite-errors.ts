import { MillraceError } from "../model/errors.ts";

/** What SQLite says, as the sink's own error; whatever else was thrown (by the user's row function) as it is. */
export function sqliteFailure(done: string, { path, table }: { path: string; table: string }, error: unknown): unknown {
  const { code, errcode = 0, message } = error as { code?: string; errcode?: number; message: string };
  if (code !== "ERR_SQLITE_ERROR") return error;
  // The lower byte is the kind, the rest says more about it.
  const hint =
    HINTS[errcode & 0xff] ??
    `Check that table "${table}" is there, with the columns that row() gives, and for upsertBy with a primary key or unique index of exactly these.`;
  return new MillraceError("SINK_FAILED", `SQLite ${path} cannot be ${done}: ${message}`, {
    hint: `${hint} Nothing of this batch was written.`,
    cause: error,
  });
}

/** By SQLite's primary result codes. */
const HINTS: { readonly [code: number]: string } = {
  5: "Another process holds the write lock: look for a long transaction, or a tool that has the file open.",
  6: "Another process holds the table: look for a long transaction, or a tool that has the file open.",
  8: "The file or its directory is read-only. Give this user the right to write to both.",
  10: "The disk fails: see the system's log.",
  11: "The file is damaged. Restore it and the checkpoint from one moment.",
  13: "The disk is full, or the database has come to its max_page_count. Make room and start again.",
  14: "Check the path: its directory must be there, and this user must have the right to read and write it.",
  19: "A row breaks a constraint of the table. Correct row() or the table.",
  20: "A value does not have the type of its column. Correct row() or the table.",
  26: "The file is no SQLite database, or is damaged. Name another one in `path`, or restore it.",
};
