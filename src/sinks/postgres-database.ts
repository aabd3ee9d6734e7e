import { MillraceError } from "../model/errors.ts";
import type { OutputIdentity } from "../operators/sink.ts";
import { isOfConnection } from "../postgres/lost-connection.ts";
import { DURABLE, ONE_SETUP_AT_A_TIME, openPool, type Pool, type PooledClient } from "../postgres/pool.ts";
import { applicationName } from "./postgres-progress.ts";
import type { Row } from "./postgres-rows.ts";

/** What `write` gets: the part of a `pg` client that runs statements. */
export interface PgClient {
  query(
    text: string,
    values?: readonly unknown[],
  ): Promise<{ readonly rows: readonly Row[]; readonly rowCount: number | null }>;
}

/** One executor runs a few tasks at once; a second attempt waits for the first in a connection of its own. */
const CONNECTIONS_MAX = 4;
const LIMITS = "set lock_timeout = '15s'; set idle_in_transaction_session_timeout = '60s'";

/** A small pool of connections, and transactions on it. */
export class Database {
  readonly #pool: Pool;
  readonly #place: string;

  private constructor(pool: Pool, place: string) {
    this.#pool = pool;
    this.#place = place;
  }

  /** @throws SINK_FAILED, JOB_NOT_LOADABLE */
  static async open(connection: string, setup: string): Promise<Database> {
    const { host, pathname } = new URL(connection);
    const pool = await openPool({
      connection,
      connectionsMax: CONNECTIONS_MAX,
      owner: "The postgres sink",
    });
    const database = new Database(pool, `${host}${pathname}`);
    try {
      await database.#run(async (session) => {
        await session.script(ONE_SETUP_AT_A_TIME);
        await session.script(setup);
      });
    } catch (error) {
      await pool.end();
      throw error;
    }
    return database;
  }

  /**
   * Commits when `work` resolves, rolls back when it throws. At `owner.signal` the connection ends, whatever `work` is waiting for. The session
   * bears the epoch, so that a newer driver can end it.
   */
  transaction<R>(
    owner: OutputIdentity & { readonly epoch: number; readonly signal?: AbortSignal },
    work: (session: Session) => Promise<R>,
  ): Promise<R> {
    return this.#run(work, applicationName(owner, owner.epoch), owner.signal);
  }

  close(): Promise<void> {
    return this.#pool.end();
  }

  async #run<R>(work: (session: Session) => Promise<R>, name = "millrace", signal?: AbortSignal): Promise<R> {
    const { session, giveBack } = await this.#begin(name, signal);
    let broken = true;
    try {
      const result = await work(session);
      await session.script("commit");
      broken = false;
      return result;
    } catch (error) {
      // A connection that cannot even roll back is not used again: the server rolls back when it ends.
      broken = await session.script("rollback").then(
        () => false,
        () => true,
      );
      throw error;
    } finally {
      giveBack(broken);
    }
  }

  /**
   * A session that the server ended while it lay in the pool, at the fence of a newer epoch or when it restarted, may look well until its first
   * statement. Nothing was done in it, so the next one takes its place, and the task does not fail of it.
   */
  async #begin(name: string, signal: AbortSignal | undefined): Promise<Taken> {
    for (let ended = 0; ; ended++) {
      const taken = await this.#take(signal);
      try {
        signal?.throwIfAborted();
        await taken.session.script(`${LIMITS}; ${DURABLE}; set application_name = '${name.replaceAll("'", "''")}'`);
        await taken.session.script("begin isolation level read committed");
        return taken;
      } catch (error) {
        taken.giveBack(true);
        if (signal?.aborted || ended === CONNECTIONS_MAX || !isOfConnection((error as Error).cause)) throw error;
      }
    }
  }

  async #take(signal: AbortSignal | undefined): Promise<Taken> {
    const client = await this.#pool.connect().catch((error: unknown) => {
      throw sinkFailed(this.#place, error);
    });
    let given = true;
    const giveBack = (broken: boolean) => {
      signal?.removeEventListener("abort", giveUp);
      if (given) client.release(broken);
      given = false;
    };
    // What was given up may never end, and the next attempt would wait for its rows. When it does wake, its statements are refused.
    const giveUp = () => giveBack(true);
    signal?.addEventListener("abort", giveUp, { once: true });
    return { session: new Session(client, this.#place), giveBack };
  }
}

/** A connection out of the pool. */
interface Taken {
  readonly session: Session;
  /** Does nothing when it was given back, or given up, before. */
  readonly giveBack: (broken: boolean) => void;
}

/** A connection within a transaction. */
export class Session implements PgClient {
  readonly #client: PooledClient;
  readonly #place: string;

  constructor(client: PooledClient, place: string) {
    this.#client = client;
    this.#place = place;
  }

  query(text: string, values: readonly unknown[] = []): ReturnType<PgClient["query"]> {
    // The extended protocol takes one statement: nothing can hide behind a semicolon.
    return this.#guard(this.#client.query({ text, values: [...values], queryMode: "extended" }));
  }

  /** Several statements, without values. */
  async script(text: string): Promise<void> {
    await this.#guard(this.#client.query(text));
  }

  /** To the user's function, for as long as it runs. */
  async lend(use: (client: PgClient) => Promise<void>): Promise<void> {
    let lent = true;
    try {
      await use({
        query: async (text, values) => {
          if (!lent || ENDS_TRANSACTION.test(text)) throw refused(lent);
          return this.query(text, values);
        },
      });
    } finally {
      lent = false;
    }
  }

  async #guard<R>(answer: Promise<R>): Promise<R> {
    try {
      return await answer;
    } catch (error) {
      throw sinkFailed(this.#place, error);
    }
  }
}

/** At the start of a statement, behind blanks and comments; `rollback to savepoint` stays inside the transaction. */
const ENDS_TRANSACTION =
  /^(?:\s|;|--[^\n]*\n|\/\*[\s\S]*?\*\/)*(?:begin|start\s+transaction|commit|end|abort|prepare\s+transaction|rollback(?!\s+(?:(?:work|transaction)\s+)?to\b))\b/i;

const refused = (lent: boolean) =>
  new MillraceError(
    "SINK_FAILED",
    lent ? "write() may not begin or end a transaction." : "The client of write() was used after write() had ended.",
    {
      hint: lent
        ? "The rows and the sink's progress are committed together when write() resolves. Throw to roll back; savepoints are fine."
        : "Await every query inside write().",
    },
  );

/** Which a second try may not meet: a deadlock, a serialization failure. */
export const isConflict = (error: unknown): boolean =>
  MillraceError.is(error) && ["40P01", "40001"].includes((error.cause as { code?: string } | undefined)?.code ?? "");

function sinkFailed(place: string, error: unknown): MillraceError {
  const { message, code = "" } = error as { message: string; code?: string };
  return new MillraceError("SINK_FAILED", `Postgres ${place}: ${message || code}`, {
    hint:
      HINTS[code] ??
      "The cause tells what Postgres said. The transaction was rolled back, or is decided when it runs again.",
    cause: error,
  });
}

const HINTS: { readonly [code: string]: string } = {
  "28P01": "Check the user and the password in `connection`.",
  "28000": "The server does not let this user in: see its pg_hba.conf.",
  "3D000": "Check the name of the database at the end of `connection`.",
  "42P01": "Make the table, or give its `create table if not exists` as `setup`.",
  "42703": "row() gives a column that the table does not have.",
  "42501": "Give this user the right to write to the table; for the first start also to make millrace_progress.",
  "42P10": "upsertBy needs a primary key or a unique index of exactly these columns.",
  "53100": "The server's disk is full. Make room and start again.",
  "53300":
    "The server has no connection left. Each executor takes up to four a sink: raise max_connections, or run fewer executors.",
  "55P03": "Another transaction holds the rows: look for long ones in pg_stat_activity.",
  ECONNREFUSED: "No server listens there. Check host and port in `connection`.",
};
