/** One measurement: a system, a sink, a trigger and a rate. */
export interface LatencyRun {
  readonly system: "millrace" | "spark-structured";
  readonly sink: "sqlite" | "postgres";
  /** "onData", or a batch interval as in "50ms". Spark: "default", which is as soon as there is data. */
  readonly trigger: string;
  /** Records per second. */
  readonly rate: number;
}

/** What the system's program is told. */
export interface LatencyHeat extends LatencyRun {
  readonly bootstrap: string;
  readonly topic: string;
  readonly threads: number;
  /** Holds the checkpoint, the SQLite file and the times of commits. */
  readonly folder: string;
  /** Of Postgres. */
  readonly connection: string;
}

/** What a record holds: about 100 bytes of JSON. */
export interface Sent {
  readonly id: number;
  /** Milliseconds since the epoch, with a fraction: when its batch was handed to the socket. */
  readonly sentAt: number;
  readonly payload: string;
}

/** Milliseconds since the epoch, with a fraction, in every process of this machine. */
export const now = () => performance.timeOrigin + performance.now();

/** The table of both sinks. A commit is a batch, or one partition of it. */
export const createTable = `create table if not exists arrived (
  id integer primary key, sent_at double precision not null, commit_id text not null)`;

/** Beside the checkpoint: one line for each commit, its id and when it was done. */
export const commitsFile = "commits.txt";

export const databaseFile = "arrived.sqlite";
