import { assert, MillraceError } from "../model/errors.ts";
import type { OutputIdentity, PartitionCommit, SinkProgress } from "../operators/sink.ts";
import type { Database, Session } from "./postgres-database.ts";
import { shortHash } from "./short-hash.ts";
import { isStillToWrite, type Progress } from "./sink-errors.ts";

/** Beside the user's tables, in the same transactions. Not made when it is there: that would need the right to make tables. */
export const PROGRESS_TABLE = `
  do $$ begin
    if to_regclass('millrace_progress') is null then
      create table millrace_progress (
        checkpoint_id text not null, output text not null, partition integer not null,
        seq bigint not null, epoch bigint not null, digest text not null,
        primary key (checkpoint_id, output, partition)
      );
    end if;
  end $$`;

/**
 * The first statement of a partition's transaction, and the one that decides: a second attempt waits here until the first has ended. To look
 * first and write then would let both write.
 * @returns false when the partition is there already. @throws FENCED, PLAN_MISMATCH
 */
export async function claim(session: Session, commit: PartitionCommit): Promise<boolean> {
  const { checkpointId, output, partition, seq, epoch, digest } = commit;
  const { rowCount } = await session.query(
    `insert into millrace_progress as known (checkpoint_id, output, partition, seq, epoch, digest)
     values ($1, $2, $3, $4, $5, $6)
     on conflict (checkpoint_id, output, partition)
     do update set seq = excluded.seq, epoch = excluded.epoch, digest = excluded.digest
     where known.seq < excluded.seq and known.epoch <= excluded.epoch`,
    [checkpointId, output, partition, seq, epoch, digest],
  );
  if (rowCount === 1) return true;
  const { rows } = await session.query(
    "select seq, epoch, digest from millrace_progress where checkpoint_id = $1 and output = $2 and partition = $3",
    [checkpointId, output, partition],
  );
  // Eight-byte integers arrive as text.
  const known: Progress = {
    seq: Number(rows[0]?.seq),
    epoch: Number(rows[0]?.epoch),
    digest: String(rows[0]?.digest),
  };
  const stillToWrite = isStillToWrite(commit, known);
  assert(!stillToWrite, `output ${output} refused batch ${seq} after batch ${known.seq}`);
  return false;
}

/** Postgres cuts it after 63 bytes, so what is searched for comes first. */
export const applicationName = ({ checkpointId, output }: OutputIdentity, epoch: number): string =>
  `millrace ${epoch} ${shortHash(checkpointId, output)} ${output}`;

const FENCE_ATTEMPTS = 3;

/**
 * Writes the epoch to every partition; from then on `claim` refuses older ones. A paused session of an older driver may hold such a row, so
 * these sessions are ended first, and again when one came in between.
 */
export async function fence(
  database: Database,
  output: OutputIdentity,
  epoch: number,
  numPartitions: number,
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await database.transaction({ ...output, epoch }, async (session) => {
        await endOlderSessions(session, output, epoch);
        await raiseEpochs(session, output, epoch, numPartitions);
      });
      return;
    } catch (error) {
      if (attempt === FENCE_ATTEMPTS || !isLockTimeout(error)) throw error;
    }
  }
}

/** Of the same role: others may not be ended, and have no business with this output. */
async function endOlderSessions(session: Session, { checkpointId, output }: OutputIdentity, epoch: number) {
  await session.query(
    `select pg_terminate_backend(pid) from pg_stat_activity
     where usename = current_user and datname = current_database() and pid <> pg_backend_pid()
     and substring(application_name from '^millrace ([0-9]+) ' || $1 || ' ')::bigint < $2::bigint`,
    [shortHash(checkpointId, output), epoch],
  );
}

async function raiseEpochs(session: Session, identity: OutputIdentity, epoch: number, numPartitions: number) {
  const { checkpointId, output } = identity;
  const { rows } = await session.query(
    `insert into millrace_progress as known (checkpoint_id, output, partition, seq, epoch, digest)
     select $1, $2, partition, 0, $3, '' from (
       select generate_series(0, $4::integer - 1) as partition
       union select partition from millrace_progress where checkpoint_id = $1 and output = $2
     ) as all_partitions order by partition
     on conflict (checkpoint_id, output, partition)
     do update set epoch = greatest(known.epoch, excluded.epoch)
     returning epoch`,
    [checkpointId, output, epoch, numPartitions],
  );
  const newest = Math.max(0, ...rows.map((row) => Number(row.epoch)));
  isStillToWrite({ output, epoch, seq: Number.POSITIVE_INFINITY, digest: "" }, { epoch: newest, seq: 0, digest: "" });
}

/** Above every epoch: who only reads holds nobody up, and may be the newest driver, so its session is never ended. */
const READS_ONLY = Number.MAX_SAFE_INTEGER;

/** Of all partitions, also of those that a batch no longer has. */
export async function progressOf(database: Database, output: OutputIdentity): Promise<SinkProgress | undefined> {
  const { rows } = await database.transaction({ ...output, epoch: READS_ONLY }, (session) =>
    session.query(
      "select partition, seq, epoch from millrace_progress where checkpoint_id = $1 and output = $2 order by partition",
      [output.checkpointId, output.output],
    ),
  );
  if (rows.length === 0) return undefined;
  const seqs: number[] = [];
  for (const { partition, seq } of rows) seqs[Number(partition)] = Number(seq);
  const highest = (column: "seq" | "epoch") => Math.max(...rows.map((row) => Number(row[column])));
  return { seq: highest("seq"), epoch: highest("epoch"), seqs: Array.from(seqs, (seq = 0) => seq) };
}

const isLockTimeout = (error: unknown) =>
  MillraceError.is(error) && (error.cause as { code?: string } | undefined)?.code === "55P03";
