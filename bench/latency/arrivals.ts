import { readFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { Client } from "pg";
import { commitsFile, databaseFile, type LatencyHeat } from "./run.ts";

interface Row {
  readonly id: number;
  readonly sent_at: number;
  readonly commit_id: string;
}

export interface Arrivals {
  /** Milliseconds of each record, in the order of sending. */
  readonly latencies: readonly number[];
  readonly commits: number;
}

/** How many rows there are already. */
export async function countArrivals(heat: LatencyHeat): Promise<number> {
  const [row] = await query<{ n: number | string }>(heat, "select count(*) as n from arrived");
  return Number(row?.n ?? 0);
}

/** When each record could be read from the sink. Every record must be there exactly once. */
export async function readArrivals(heat: LatencyHeat, sent: number): Promise<Arrivals> {
  const rows = await query<Row>(heat, "select id, sent_at, commit_id from arrived order by id");
  const missing = rows.findIndex(({ id }, i) => Number(id) !== i);
  if (rows.length !== sent || missing >= 0) throw new Error(`${rows.length} rows for ${sent} records`);
  const lines = readFileSync(join(heat.folder, commitsFile), "utf8").trim().split("\n");
  const doneAt = new Map(lines.map((line) => line.split(" ") as [string, string]));
  return {
    latencies: rows.map(({ sent_at, commit_id }) => Number(doneAt.get(commit_id)) - sent_at),
    commits: doneAt.size,
  };
}

async function query<R>({ sink, folder, connection }: LatencyHeat, sql: string): Promise<R[]> {
  if (sink === "sqlite") {
    const database = new DatabaseSync(join(folder, databaseFile), { readOnly: true, timeout: 5_000 });
    try {
      return database.prepare(sql).all() as R[];
    } finally {
      database.close();
    }
  }
  const client = new Client({ connectionString: connection });
  await client.connect();
  try {
    return (await client.query(sql)).rows as R[];
  } finally {
    await client.end();
  }
}
