import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import { MillraceError } from "../model/errors.ts";
import type { Partition } from "../operators/partition.ts";
import type { BatchCommit, OutputIdentity } from "../operators/sink.ts";
import { isStillToWrite, type Progress } from "./sink-errors.ts";
import { conflictClause, quoted } from "./sql.ts";
import type { SqliteOptions, SqliteRow } from "./sqlite.ts";
import { sqliteFailure } from "./sqlite-errors.ts";

/** How long the lock of another process is waited for. This thread does nothing else meanwhile. */
const LOCK_TIMEOUT_MS = 5_000;

/** Beside the user's tables, in the same transaction. */
const PROGRESS_TABLE = `
  create table if not exists millrace_progress (
    checkpoint_id text not null, output text not null,
    seq integer not null, epoch integer not null, digest text not null,
    primary key (checkpoint_id, output)
  ) strict`;

/** By file: a transaction that waits for values must not meet another one of this thread, which would wait for its lock and stop the thread. */
const turns = new Map<string, Promise<unknown>>();

/** One connection to a database file. */
export class SqliteWriter<T> {
  readonly #options: SqliteOptions<T>;
  readonly #database: DatabaseSync;
  /** Of the last row: rows of one table have the same columns. */
  #insertion: { readonly columns: readonly string[]; readonly statement: StatementSync } | undefined;

  /** @throws SINK_FAILED */
  constructor(options: SqliteOptions<T>) {
    this.#options = options;
    this.#database = this.#guard("opened", () => new DatabaseSync(options.path, { timeout: LOCK_TIMEOUT_MS }));
    try {
      this.#guard("set up", () => {
        this.#database.exec("pragma journal_mode = wal; pragma synchronous = full");
        this.#database.exec(PROGRESS_TABLE);
        if (options.setup !== undefined) this.#database.exec(options.setup);
      });
    } catch (error) {
      this.#database.close();
      throw error;
    }
  }

  /** @throws FENCED, SINK_FAILED */
  fence({ checkpointId, output }: OutputIdentity, epoch: number): Promise<void> {
    return this.#transaction(async () => {
      const known = this.#progress(checkpointId, output);
      isStillToWrite({ output, seq: Number.POSITIVE_INFINITY, epoch, digest: "" }, known);
      this.#setProgress(checkpointId, output, { seq: known?.seq ?? 0, epoch, digest: known?.digest ?? "" });
    });
  }

  progress({ checkpointId, output }: OutputIdentity): Progress | undefined {
    return this.#guard("read", () => this.#progress(checkpointId, output));
  }

  /** @returns false when the batch is there already. @throws FENCED, PLAN_MISMATCH, SINK_FAILED, what `row` throws */
  commit(partitions: readonly Partition<T>[], commit: BatchCommit): Promise<boolean> {
    return this.#transaction(async () => {
      const { checkpointId, output, seq, epoch, digest } = commit;
      if (!isStillToWrite(commit, this.#progress(checkpointId, output))) return false;
      for (const partition of partitions) {
        for await (const values of partition.chunks()) {
          commit.signal.throwIfAborted();
          for (const value of values) this.#insert(this.#options.row(value, commit));
        }
      }
      this.#setProgress(checkpointId, output, { seq, epoch, digest });
      return true;
    });
  }

  close(): void {
    this.#database.close();
  }

  async #transaction<R>(work: () => Promise<R>): Promise<R> {
    const file = this.#database.location() ?? "";
    const transaction = (turns.get(file) ?? Promise.resolve()).then(() => this.#alone(work));
    const turn = transaction.catch(() => undefined);
    turns.set(file, turn);
    try {
      return await transaction;
    } catch (error) {
      throw sqliteFailure("written", this.#options, error);
    } finally {
      if (turns.get(file) === turn) turns.delete(file);
    }
  }

  /** Immediate: a transaction that starts by reading and then writes fails at once when another has written between. */
  async #alone<R>(work: () => Promise<R>): Promise<R> {
    this.#database.exec("begin immediate");
    try {
      const result = await work();
      this.#database.exec("commit");
      return result;
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec("rollback");
      throw error;
    }
  }

  #insert(row: SqliteRow): void {
    const columns = Object.keys(row);
    this.#insertionOf(columns).run(...columns.map((column) => stored(column, row[column]!)));
  }

  #insertionOf(columns: readonly string[]): StatementSync {
    const last = this.#insertion;
    if (last?.columns.length === columns.length && columns.every((column, i) => column === last.columns[i])) {
      return last.statement;
    }
    const { table, upsertBy } = this.#options;
    const names = columns.map(quoted).join(", ");
    const places = columns.map(() => "?").join(", ");
    const statement = this.#database.prepare(
      `insert into ${quoted(table)} (${names}) values (${places})${conflictClause(columns, upsertBy)}`,
    );
    this.#insertion = { columns, statement };
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
      throw sqliteFailure(done, this.#options, error);
    }
  }
}

function stored(column: string, value: SqliteRow[string]): SQLInputValue {
  if (value instanceof Date) return value.toISOString();
  if (typeof value === "boolean") return Number(value);
  const isOther = typeof value === "object" && value !== null && !ArrayBuffer.isView(value);
  if (value !== undefined && !isOther) return value;
  // An object would be taken for named parameters.
  throw new MillraceError("SINK_FAILED", `row() gives column "${column}" ${nameOf(value)}, which SQLite cannot hold.`, {
    hint: "Give text, a number, a bigint, a boolean, a Date, a Uint8Array or null; an object as JSON text. Nothing of this batch was written.",
  });
}

const nameOf = (value: unknown) =>
  value === undefined ? "undefined" : Array.isArray(value) ? "an array" : `a value of type ${typeof value}`;
