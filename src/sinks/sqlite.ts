import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import { MillraceError } from "../model/errors.ts";
import { checkedLater, checkOptions, isFunction, isText } from "../model/options.ts";
import { type BatchCommit, defineSink, type OutputIdentity, type Sink } from "../operators/sink.ts";
import { isStillToWrite, type Progress } from "./sink-errors.ts";
import { conflictClause, quoted } from "./sql.ts";

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

/** Beside the user's tables, in the same transaction. */
const PROGRESS_TABLE = `
  create table if not exists millrace_progress (
    checkpoint_id text not null, output text not null,
    seq integer not null, epoch integer not null, digest text not null,
    primary key (checkpoint_id, output)
  ) strict`;

/**
 * A table of a SQLite file: no server. The whole batch is one transaction of one writer, together with the sink's progress, so it is seen as
 * a whole or not at all. Rows keep the order of the partitions, and within them of the values. Durable when the batch completes
 * (`synchronous = FULL`); a lost disk loses it.
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
  return defineSink<T, Writer<T>>({
    open: async () => new Writer(options),
    fence: async (writer, output, epoch) => writer.fence(output, epoch),
    progress: async (writer, output) => writer.progress(output),
    async commitBatch(writer, partitions, commit) {
      const values: T[] = [];
      for (const partition of partitions) for await (const chunk of partition.chunks()) values.push(...chunk);
      return writer.commit(values, commit) ? "written" : "already written";
    },
    close: async (writer) => writer.close(),
  });
}

class Writer<T> {
  readonly #options: SqliteOptions<T>;
  readonly #database: DatabaseSync;
  /** Of the last row: rows of one table have the same columns. */
  #insertion: { readonly columns: string; readonly statement: StatementSync } | undefined;

  constructor(options: SqliteOptions<T>) {
    this.#options = options;
    this.#database = this.#guard("opened", () => new DatabaseSync(options.path, { timeout: 5_000 }));
    this.#guard("set up", () => {
      this.#database.exec("pragma journal_mode = wal; pragma synchronous = full");
      this.#database.exec(PROGRESS_TABLE);
      if (options.setup !== undefined) this.#database.exec(options.setup);
    });
  }

  fence({ checkpointId, output }: OutputIdentity, epoch: number): void {
    this.#transaction(() => {
      const known = this.#progress(checkpointId, output);
      isStillToWrite({ output, seq: Number.POSITIVE_INFINITY, epoch, digest: "" }, known);
      this.#setProgress(checkpointId, output, { seq: known?.seq ?? 0, epoch, digest: known?.digest ?? "" });
    });
  }

  progress({ checkpointId, output }: OutputIdentity): Progress | undefined {
    return this.#guard("read", () => this.#progress(checkpointId, output));
  }

  /** @returns false when the batch is there already. */
  commit(values: readonly T[], commit: BatchCommit): boolean {
    return this.#transaction(() => {
      const { checkpointId, output, seq, epoch, digest } = commit;
      if (!isStillToWrite(commit, this.#progress(checkpointId, output))) return false;
      for (const value of values) this.#insert(this.#options.row(value, commit));
      this.#setProgress(checkpointId, output, { seq, epoch, digest });
      return true;
    });
  }

  close(): void {
    this.#database.close();
  }

  /** Immediate: a transaction that starts by reading and then writes fails at once when another has written between. */
  #transaction<R>(work: () => R): R {
    return this.#guard("written", () => {
      this.#database.exec("begin immediate");
      try {
        const result = work();
        this.#database.exec("commit");
        return result;
      } catch (error) {
        if (this.#database.isTransaction) this.#database.exec("rollback");
        throw error;
      }
    });
  }

  #insert(row: SqliteRow): void {
    const columns = Object.keys(row);
    this.#insertionOf(columns).run(...columns.map((column) => stored(row[column]!)));
  }

  #insertionOf(columns: readonly string[]): StatementSync {
    const names = columns.map(quoted).join(", ");
    if (this.#insertion?.columns === names) return this.#insertion.statement;
    const { table, upsertBy } = this.#options;
    const places = columns.map(() => "?").join(", ");
    const statement = this.#database.prepare(
      `insert into ${quoted(table)} (${names}) values (${places})${conflictClause(columns, upsertBy)}`,
    );
    this.#insertion = { columns: names, statement };
    return statement;
  }

  #progress(checkpointId: string, output: string): Progress | undefined {
    const statement = this.#database.prepare(
      "select seq, epoch, digest from millrace_progress where checkpoint_id = ? and output = ?",
    );
    return statement.get(checkpointId, output) as Progress | undefined;
  }

  #setProgress(checkpointId: string, output: string, { seq, epoch, digest }: Progress): void {
    this.#database
      .prepare(
        "insert or replace into millrace_progress (checkpoint_id, output, seq, epoch, digest) values (?, ?, ?, ?, ?)",
      )
      .run(checkpointId, output, seq, epoch, digest);
  }

  #guard<R>(done: string, work: () => R): R {
    try {
      return work();
    } catch (error) {
      // What the user's row function throws is told as it is.
      if ((error as { code?: string }).code !== "ERR_SQLITE_ERROR") throw error;
      const { path, table } = this.#options;
      throw new MillraceError("SINK_FAILED", `SQLite ${path} cannot be ${done}: ${(error as Error).message}`, {
        hint: `Check the path, and that table "${table}" has the columns that row() gives. Nothing of this batch was written.`,
        cause: error,
      });
    }
  }
}

function stored(value: SqliteRow[string]): SQLInputValue {
  if (value instanceof Date) return value.toISOString();
  return typeof value === "boolean" ? Number(value) : value;
}
