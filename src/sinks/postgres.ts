import { MillraceError } from "../model/errors.ts";
import { type Check, checkedLater, checkOptions, isFunction, isPostgresUrl, isText } from "../model/options.ts";
import type { Partition } from "../operators/partition.ts";
import { defineSink, type PartitionCommit, type Sink } from "../operators/sink.ts";
import { Database, isConflict, type PgClient, type Session } from "./postgres-database.ts";
import { claim, fence, PROGRESS_TABLE, progressOf } from "./postgres-progress.ts";
import { type Row, RowWriter } from "./postgres-rows.ts";
import { Rereadable } from "./rereadable.ts";

interface Connected {
  /** `postgres://user:password@host:5432/database`. */
  readonly connection: string;
  /** SQL that every executor runs when it opens the sink, one after the other: `create table if not exists ...`. */
  readonly setup?: string | undefined;
}

export interface TableOptions<T> {
  /** `table` or `schema.table`. Must be there when the job starts, or be made by `setup`. */
  readonly table: string;
  /** One row per value; the same columns for all. */
  readonly row: (value: T, commit: PartitionCommit) => Row;
  /** Columns of the key: insert, on conflict update; of two rows of one key the later one stays. Without: insert. */
  readonly upsertBy?: readonly string[] | undefined;
}

export interface PostgresTableOptions<T> extends Connected, TableOptions<T> {}

export interface PostgresWriteOptions<T> extends Connected {
  /** Your own statements, within the transaction of the partition. The client takes one statement a call, and none that ends it. */
  readonly write: (client: PgClient, partition: Partition<T>, commit: PartitionCommit) => Promise<void>;
}

export type PostgresOptions<T> = PostgresTableOptions<T> | PostgresWriteOptions<T>;

/** A deadlock victim goes on when the other one is done; more than a few in a row is a quarrel about the order of keys. */
const ATTEMPTS = 4;

/**
 * Tables of a Postgres database. Each partition of a batch is one transaction in its task, together with the sink's progress: seen as a whole
 * or not at all, durable when the batch completes. Needs the package `pg`.
 * @throws BAD_OPTION
 */
export function postgres<T>(options: PostgresOptions<T>): Sink<T> {
  checkPostgresOptions(options);
  return defineSink<T, Database>({
    open: () => Database.open(options.connection, `${PROGRESS_TABLE};${options.setup ?? ""}`),
    fence: (database, epoch, numPartitions, output) => fence(database, output, epoch, numPartitions),
    progress: (database, output) => progressOf(database, output),
    async commitPartition(database, partition, commit) {
      const values = new Rereadable(partition);
      for (let attempt = 1; ; attempt++) {
        try {
          return await database.transaction(commit, async (session) => {
            if (!(await claim(session, commit))) return "already written";
            await write(options, session, values.read(), commit);
            commit.signal.throwIfAborted();
            return "written";
          });
        } catch (error) {
          if (attempt === ATTEMPTS || !isConflict(error) || !values.canBeReadAgain) throw error;
        }
      }
    },
    close: (database) => database.close(),
  });
}

async function write<T>(
  options: PostgresOptions<T>,
  session: Session,
  partition: Partition<T>,
  commit: PartitionCommit,
): Promise<void> {
  if ("write" in options) {
    await session.lend((client) => options.write(client, partition, commit));
    return;
  }
  const writer = new RowWriter(options);
  for await (const values of partition.chunks({ size: 1_000 })) {
    commit.signal.throwIfAborted();
    await writer.write(
      session,
      values.map((value) => options.row(value, commit)),
    );
  }
}

const isColumns: Check = (value) =>
  Array.isArray(value) && value.length > 0 && value.every((column) => typeof column === "string")
    ? undefined
    : "must be a list of columns";

function checkPostgresOptions(options: PostgresOptions<never>): void {
  checkOptions("postgres", options, {
    connection: checkedLater,
    table: isText,
    row: isFunction,
    upsertBy: isColumns,
    setup: isText,
    write: isFunction,
  });
  const { connection, table, row, upsertBy, write } = options as Partial<
    PostgresTableOptions<never> & PostgresWriteOptions<never>
  >;
  // Said without the value: it holds a password.
  if (!isPostgresUrl(connection)) {
    throw new MillraceError("BAD_OPTION", `postgres: "connection" must be the URL of a database.`, {
      hint: "postgres://user:password@host:5432/database; characters like @ and / in the password are percent-encoded.",
    });
  }
  const asTable = table !== undefined && row !== undefined && write === undefined;
  const asWrite = write !== undefined && table === undefined && row === undefined && upsertBy === undefined;
  if (asTable || asWrite) return;
  throw new MillraceError("BAD_OPTION", `postgres needs either "table" and "row", or "write".`, {
    hint: "postgres({ connection, table, row }) or postgres({ connection, write })",
  });
}
