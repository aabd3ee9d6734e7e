import { randomUUID } from "node:crypto";
import { type Clock, systemClock } from "../model/clock.ts";
import { MillraceError } from "../model/errors.ts";
import {
  DURABLE,
  ONE_SETUP_AT_A_TIME,
  openPool,
  type Pool,
  type PooledClient,
  type QueryResult,
} from "../postgres/pool.ts";
import { corrupt } from "./framing.ts";
import { failureOf, isPassing } from "./postgres-failure.ts";
import type { CheckpointStore } from "./store.ts";

/** Stored as they are: they are read by parts, and compressed ones would be unpacked from their beginning each time. */
const TABLES = `
  do $$ begin
    if to_regclass('millrace_checkpoint') is null then
      create table millrace_segments (
        id bigint generated always as identity primary key,
        checkpoint text not null, name text not null, creator uuid not null,
        unique (checkpoint, name)
      );
      create table millrace_checkpoint (
        segment bigint not null references millrace_segments on delete cascade,
        position bigint not null, bytes bytea not null,
        primary key (segment, position)
      );
      alter table millrace_checkpoint alter column bytes set storage external;
    end if;
  end $$`;

const CREATE = `
  insert into millrace_segments (checkpoint, name, creator) values ($1, $2, $3) on conflict do nothing`;

/** Where the segment ends, and nowhere else: there can be no gap, and two cannot write the same place. */
const APPEND = `
  insert into millrace_checkpoint (segment, position, bytes)
  select s.id, $3::bigint, $4::bytea from millrace_segments s
  where s.checkpoint = $1 and s.name = $2 and $3::bigint = coalesce(
    (select c.position + octet_length(c.bytes) from millrace_checkpoint c where c.segment = s.id
     order by c.position desc limit 1), 0)
  on conflict do nothing`;

const IS_THERE = `
  select c.bytes = $4::bytea as same from millrace_segments s
  left join millrace_checkpoint c on c.segment = s.id and c.position = $3::bigint
  where s.checkpoint = $1 and s.name = $2`;

/** From the piece that $3 lies in, up to $4; a segment without any gives one row of nulls. */
const READ = `
  select greatest(c.position, $3::bigint) as position,
    substring(c.bytes from greatest($3::bigint - c.position, 0)::integer + 1
      for greatest(least(octet_length(c.bytes), $4::bigint - c.position) - greatest($3::bigint - c.position, 0), 0)::integer) as bytes
  from millrace_segments s
  left join millrace_checkpoint c on c.segment = s.id and c.position < $4::bigint and c.position >= coalesce(
    (select max(f.position) from millrace_checkpoint f where f.segment = s.id and f.position <= $3::bigint), 0)
  where s.checkpoint = $1 and s.name = $2
  order by c.position`;

const LIST = "select name from millrace_segments where checkpoint = $1";
const DELETE = "delete from millrace_segments where checkpoint = $1 and name = $2";

const LIMITS = "set lock_timeout = '15s'; set application_name = 'millrace checkpoint'";
/** So long a lost connection is made again before the driver gives up. */
const RETRY_MS = 30_000;
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 2_000;
const CONNECTIONS_MAX = 4;
/** Of any bigint: all of a segment. */
const END = 2 ** 53;

/**
 * Segments in two tables of a Postgres database, one row per append: for drivers whose disk does not outlive them. `postgres://host/db#name`;
 * the name tells checkpoints in one database apart. A lost connection is made again, and what it may have written before it was lost is
 * found out by its position.
 */
export class PostgresStore implements CheckpointStore {
  readonly place: string;
  readonly #pool: Pool;
  readonly #checkpoint: string;
  readonly #clock: Clock;
  readonly #prepared = new WeakSet<PooledClient>();
  readonly #closed = new AbortController();
  #broken: unknown;

  private constructor(pool: Pool, url: URL, clock: Clock) {
    this.#pool = pool;
    this.#checkpoint = nameOf(url);
    // Never the password.
    this.place = `postgres://${url.host}${url.pathname}#${this.#checkpoint}`;
    this.#clock = clock;
  }

  /** For reading what is there. A server that does not answer is told at once. @throws CHECKPOINT_UNUSABLE, JOB_NOT_LOADABLE */
  static async at(place: string, clock: Clock = systemClock): Promise<PostgresStore> {
    const url = new URL(place);
    const connection = new URL(place);
    connection.hash = "";
    const owner = `A checkpoint in Postgres`;
    const pool = await openPool({
      connection: connection.href,
      connectionsMax: CONNECTIONS_MAX,
      queryTimeoutMs: RETRY_MS,
      owner,
    });
    const store = new PostgresStore(pool, url, clock);
    await store.#first("select 1");
    return store;
  }

  /** Makes the tables when there are none. @throws CHECKPOINT_UNUSABLE */
  static async open(place: string, clock: Clock = systemClock): Promise<PostgresStore> {
    const store = await PostgresStore.at(place, clock);
    await store.#first(`begin; ${ONE_SETUP_AT_A_TIME}; ${TABLES}; commit`);
    return store;
  }

  /** Tried once: nothing was lost that would have to be made again. */
  async #first(text: string): Promise<void> {
    try {
      await this.#once((client) => client.query(text));
    } catch (error) {
      await this.close();
      throw failureOf(this.place, error);
    }
  }

  async create(name: string): Promise<boolean> {
    const creator = randomUUID();
    const { rowCount } = await this.#run(CREATE, [this.#checkpoint, name, creator]);
    if (rowCount === 1) return true;
    // It may be our own, of a try whose answer was lost.
    const { rows } = await this.#run("select creator from millrace_segments where checkpoint = $1 and name = $2", [
      this.#checkpoint,
      name,
    ]);
    return rows[0]?.creator === creator;
  }

  async append(name: string, position: number, bytes: Uint8Array): Promise<void> {
    if (this.#broken !== undefined) throw this.#broken;
    try {
      const values = [this.#checkpoint, name, position, Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)];
      const { rowCount } = await this.#run(APPEND, values);
      if (rowCount === 1) return;
      const { rows } = await this.#run(IS_THERE, values);
      if (rows[0]?.same === true) return;
      if (rows[0] === undefined) throw this.#missing(name);
      throw corrupt(`${this.place}/${name}`, position, "it does not end here, or somebody else writes to it");
    } catch (error) {
      // Nobody knows whether a lost try will still be written.
      this.#broken = error;
      throw error;
    }
  }

  async read(name: string, part = { position: 0, length: END }): Promise<Uint8Array> {
    const until = Math.min(END, part.position + part.length);
    const { rows } = await this.#run(READ, [this.#checkpoint, name, part.position, until]);
    if (rows[0] === undefined) throw this.#missing(name);
    const pieces: Uint8Array[] = [];
    let end = part.position;
    for (const { position, bytes } of rows) {
      if (bytes === null || (bytes as Uint8Array).length === 0) continue;
      if (Number(position) !== end) throw corrupt(`${this.place}/${name}`, end, "a piece is missing");
      pieces.push(bytes as Uint8Array);
      end += (bytes as Uint8Array).length;
    }
    return pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
  }

  async list(): Promise<string[]> {
    const { rows } = await this.#run(LIST, [this.#checkpoint]);
    return rows.map(({ name }) => String(name));
  }

  async delete(name: string): Promise<void> {
    await this.#run(DELETE, [this.#checkpoint, name]);
  }

  async close(): Promise<void> {
    this.#closed.abort();
    await this.#pool.end();
  }

  /** One statement, which is one transaction. Tried again while the connection is to blame. */
  async #run(text: string, values: unknown[]): Promise<QueryResult> {
    const deadline = this.#clock.now() + RETRY_MS;
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(LONGEST_PAUSE_MS, 2 * pauseMs)) {
      try {
        return await this.#once((client) => client.query({ text, values }));
      } catch (error) {
        const now = this.#clock.now();
        if (!isPassing(error) || now >= deadline || this.#closed.signal.aborted) throw failureOf(this.place, error);
        await this.#clock.sleepUntil(Math.min(deadline, now + pauseMs), this.#closed.signal).catch(() => {});
      }
    }
  }

  async #once<R>(work: (client: PooledClient) => Promise<R>): Promise<R> {
    const client = await this.#pool.connect();
    let broken = true;
    try {
      if (!this.#prepared.has(client)) {
        await client.query(`${LIMITS}; ${DURABLE}`);
        this.#prepared.add(client);
      }
      const result = await work(client);
      broken = false;
      return result;
    } finally {
      client.release(broken);
    }
  }

  #missing(name: string): MillraceError {
    return new MillraceError("CHECKPOINT_UNUSABLE", `The checkpoint in ${this.place} has no segment ${name}.`, {
      hint: "Somebody has deleted it: another driver that has taken over, or a person.",
    });
  }
}

const nameOf = ({ hash }: URL) => (hash.length > 1 ? decodeURIComponent(hash.slice(1)) : "default");
