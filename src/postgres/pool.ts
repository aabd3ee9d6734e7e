import { MillraceError } from "../model/errors.ts";

/** A result row by its columns; eight-byte integers arrive as text. */
export type Row = { readonly [column: string]: unknown };

export interface QueryResult {
  readonly rows: readonly Row[];
  readonly rowCount: number | null;
}

/** Structural, so that our types do not need those of `pg`. */
export interface PooledClient {
  query(query: string | { text: string; values: unknown[]; queryMode?: "extended" }): Promise<QueryResult>;
  release(destroy: boolean): void;
}

export interface Pool {
  connect(): Promise<PooledClient>;
  end(): Promise<void>;
  on(event: "connect", listener: (client: { on(event: "error", listener: () => void): void }) => void): void;
  on(event: "error", listener: () => void): void;
}

interface PgModule {
  readonly Pool: new (options: object) => Pool;
}

export interface PoolOptions {
  readonly connection: string;
  readonly connectionsMax: number;
  /** How long an answer may take. @default as long as it likes */
  readonly queryTimeoutMs?: number;
  /** Who needs the package. */
  readonly owner: string;
}

/** What was committed must survive a crash of the server; settings stronger than `on` stay. */
export const DURABLE =
  "select set_config('synchronous_commit', 'on', false) where current_setting('synchronous_commit') = 'off'";

/** Two that make a table at once would both find that there is none. Within a transaction, before `create table`. */
export const ONE_SETUP_AT_A_TIME = "select pg_advisory_xact_lock(hashtext('millrace setup'))";

/** Connections to one database, opened when they are needed. @throws JOB_NOT_LOADABLE when `pg` is not installed */
export async function openPool({ connection, connectionsMax, queryTimeoutMs, owner }: PoolOptions): Promise<Pool> {
  const { Pool } = await loadPg(owner);
  const pool = new Pool({
    connectionString: connection,
    max: connectionsMax,
    connectionTimeoutMillis: 10_000,
    query_timeout: queryTimeoutMs,
    keepAlive: true,
    allowExitOnIdle: true,
  });
  // A session that the server ends is told to whoever runs the next statement. Without a listener it would end the process.
  pool.on("error", () => {});
  pool.on("connect", (client) => client.on("error", () => {}));
  return pool;
}

async function loadPg(owner: string): Promise<PgModule> {
  try {
    return (await import("pg")).default as unknown as PgModule;
  } catch (error) {
    throw new MillraceError("JOB_NOT_LOADABLE", `${owner} needs the package "pg".`, {
      hint: "npm install pg",
      cause: error,
    });
  }
}
