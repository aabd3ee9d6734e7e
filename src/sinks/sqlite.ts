import type { SQLInputValue } from "node:sqlite";
import { MillraceError } from "../model/errors.ts";
import { checkedLater, checkOptions, isFunction, isText } from "../model/options.ts";
import { type BatchCommit, defineSink, type Sink } from "../operators/sink.ts";
import { SqliteWriter } from "./sqlite-writer.ts";

export type SqliteRow = { readonly [column: string]: SQLInputValue | boolean | Date };

export interface SqliteOptions<T> {
  /** Of the database file; made when there is none. Its directory must be there. */
  readonly path: string;
  /** Must be there when the job starts, or be made by `setup`. */
  readonly table: string;
  /** One row per value. Dates are stored as ISO text, booleans as 0 and 1. */
  readonly row: (value: T, batch: BatchCommit) => SqliteRow;
  /** Columns of the key: insert, on conflict update. Without: insert. */
  readonly upsertBy?: readonly string[] | undefined;
  /** SQL that is run when the sink is opened: `create table if not exists ...`. */
  readonly setup?: string | undefined;
}

/**
 * A table of a SQLite file: no server. The whole batch is one transaction of one writer, together with the sink's progress, so it is seen as
 * a whole or not at all. Rows are made and inserted as the values are read: a batch is never held as rows. They keep the order of the partitions, and
 * within them of the values. Durable when the batch completes (`synchronous = FULL`); a lost disk loses it.
 * @throws BAD_OPTION
 */
export function sqlite<T>(options: SqliteOptions<T>): Sink<T> {
  checkOptions("sqlite", options, {
    path: isText,
    table: isText,
    row: isFunction,
    upsertBy: checkedLater,
    setup: isText,
  });
  for (const needed of ["path", "table", "row"] as const) {
    if (options[needed] !== undefined) continue;
    throw new MillraceError("BAD_OPTION", `sqlite needs "${needed}".`, { hint: "sqlite({ path, table, row })" });
  }
  return defineSink<T, SqliteWriter<T>>({
    open: async () => new SqliteWriter(options),
    fence: (writer, epoch, _, output) => writer.fence(output, epoch),
    progress: async (writer, output) => writer.progress(output),
    commitBatch: async (writer, partitions, commit) =>
      (await writer.commit(partitions, commit)) ? "written" : "already written",
    close: async (writer) => writer.close(),
  });
}
