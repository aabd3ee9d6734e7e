import { randomUUID } from "node:crypto";
import type { PartitionCommit, Sink } from "millrace/sinks";
import { partitionOf } from "../../src/operators/partition.ts";
import type { PartitionSink } from "../../src/operators/sink.ts";

/** Another one in each process: files of tests run at the same time, and would fence each other's producers. */
export const commit: PartitionCommit = {
  checkpointId: `checkpoint-${randomUUID()}`,
  appName: "test",
  output: "out",
  seq: 1,
  batchTime: 1_000,
  partition: 0,
  numPartitions: 1,
  digest: "plan",
  epoch: 1,
  offsetRanges: [],
  signal: new AbortController().signal,
};

/** What the Kafka sink writes the first partition by. */
export const transactionalId = `${commit.checkpointId}.${commit.output}.${commit.partition}`;

export async function openSink<T>(sink: Sink<T>) {
  const definition = sink["~sink"] as PartitionSink<T, unknown>;
  return { definition, connection: await definition.open(commit) };
}

/** As the engine runs one partition of one batch, on a connection of its own. */
export async function save<T>(sink: Sink<T>, values: readonly T[], which: Partial<PartitionCommit> = {}) {
  const { definition, connection } = await openSink(sink);
  try {
    return await definition.commitPartition(connection, partitionOf(once(values)), { ...commit, ...which });
  } finally {
    await definition.close(connection);
  }
}

export async function* once<T>(values: readonly T[]): AsyncGenerator<readonly T[]> {
  yield values;
}
