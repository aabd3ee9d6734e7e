import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { type Duration, defineJob, json, KafkaUtils } from "millrace";
import {
  type BatchCommit,
  type BatchSink,
  defineSink,
  type PartitionCommit,
  type PartitionSink,
  postgres,
  type Sink,
  sqlite,
} from "millrace/sinks";
import { commitsFile, createTable, databaseFile, type LatencyHeat, now, type Sent } from "./run.ts";

/** Each record becomes a row of an exactly-once sink, which notes when its transaction was done. */

const commitOf = ({ seq, ...commit }: BatchCommit | PartitionCommit) =>
  "partition" in commit ? `${seq}/${commit.partition}` : `${seq}`;

const row = ({ id, sentAt }: Sent, commit: BatchCommit) => ({ id, sent_at: sentAt, commit_id: commitOf(commit) });

export default defineJob(
  {
    appName: "latency",
    // Part of the job, not of a run, so it does not come as a parameter.
    batchInterval: (process.env.BENCH_BATCH_INTERVAL ?? "1s") as Duration,
    module: import.meta.url,
    params: { bootstrap: "", topic: "", sink: "sqlite" as LatencyHeat["sink"], folder: "", connection: "" },
  },
  (ssc, { bootstrap, topic, sink, folder, connection }) => {
    const kafkaParams = { "bootstrap.servers": bootstrap, "auto.offset.reset": "earliest" } as const;
    const database: Sink<Sent> =
      sink === "sqlite"
        ? sqlite({ path: join(folder, databaseFile), table: "arrived", row, setup: createTable })
        : postgres({ connection, table: "arrived", row, setup: createTable });
    KafkaUtils.createDirectStream(ssc, [topic], kafkaParams, { valueDecoder: json<Sent>() })
      .map(({ value }) => value)
      .saveTo(timed(database, join(folder, commitsFile)), { name: "arrived" });
  },
);

/** The same sink, with a line about each commit once it is durable and can be read. */
function timed<T>(sink: Sink<T>, file: string): Sink<T> {
  const definition = sink["~sink"];
  const note = (commit: BatchCommit) => appendFileSync(file, `${commitOf(commit)} ${now()}\n`);
  if ("commitPartition" in definition) {
    return defineSink<T, unknown>({
      ...(definition as PartitionSink<T, unknown>),
      async commitPartition(connection, partition, commit) {
        const written = await (definition as PartitionSink<T, unknown>).commitPartition(connection, partition, commit);
        note(commit);
        return written;
      },
    });
  }
  return defineSink<T, unknown>({
    ...(definition as BatchSink<T, unknown>),
    async commitBatch(connection, partitions, commit) {
      const written = await (definition as BatchSink<T, unknown>).commitBatch(connection, partitions, commit);
      note(commit);
      return written;
    },
  });
}
