import type { Time } from "../model/duration.ts";
import type { Logger } from "../model/events.ts";
import type { OffsetRange } from "../model/offset-range.ts";
import { checkArgument, isFunction } from "../model/options.ts";
import type { Partition } from "./partition.ts";

/** The contract of exactly-once outputs: what `saveTo` writes to. */

/** Whose output it is. Part of every key that a sink keeps. */
export interface OutputIdentity {
  /** Of the checkpoint: a deleted checkpoint is a new history, and its batches are no repeats. */
  readonly checkpointId: string;
  readonly appName: string;
  /** The name given to saveTo. */
  readonly output: string;
}

/** The identity of one partition of one batch: apply it at most once, and never for an epoch older than one you have seen. */
export interface PartitionCommit extends OutputIdentity {
  readonly seq: number;
  readonly batchTime: Time;
  readonly partition: number;
  readonly numPartitions: number;
  /** Of the plan. A seq that is already there with another digest is an error, not a repeat. */
  readonly digest: string;
  readonly epoch: number;
  readonly offsetRanges: readonly OffsetRange[];
  readonly signal: AbortSignal;
}

export type BatchCommit = Omit<PartitionCommit, "partition">;

export type Written = "written" | "already written";

/** How far an output has come, as its sink knows it: over all its partitions, of this checkpoint only. */
export interface SinkProgress {
  /** The last batch of which the sink holds anything, be it a partition without values; 0 when it holds nothing. */
  readonly seq: number;
  /** The highest that a driver has fenced or written under. */
  readonly epoch: number;
  /**
   * The same of each partition, by its number, whether or not the last batch had it: told by a sink with `commitPartition`. Without it, a partition that
   * was restored alone is not noticed, and a batch that is left out half written cannot be replayed. The others hold a batch as a whole or not at all.
   */
  readonly seqs?: readonly number[] | undefined;
}

export interface SinkLife<C> {
  /** Once on each executor that writes, and on the driver, where `warn` writes to its log: that something is waited for. */
  open(output: OutputIdentity, warn?: Logger["warn"]): Promise<C>;
  /**
   * By a new driver before its first plan, for every partition: from now on older epochs are refused, also in partitions from `numPartitions` on, which an
   * older driver may have. `output` is what the connection was opened for.
   */
  fence(connection: C, epoch: number, numPartitions: number, output: OutputIdentity): Promise<void>;
  /**
   * By a new driver, before it fences: what the checkpoint and the sink know of each other is compared. What was committed counts, what is under way
   * does not; undefined when the sink knows nothing of this output. A sink without it is not compared.
   */
  progress?(connection: C, output: OutputIdentity): Promise<SinkProgress | undefined>;
  close(connection: C): Promise<void>;
}

/** Each partition opens and commits within its task, in parallel. */
export interface PartitionSink<T, C> extends SinkLife<C> {
  commitPartition(connection: C, partition: Partition<T>, commit: PartitionCommit): Promise<Written>;
}

/** Parts are written in the tasks and do not exist until the driver publishes them, once and durably. */
export interface PublishedSink<T, C> extends SinkLife<C> {
  /** What it returns names the part to `publishBatch`; plain data. */
  writePartition(connection: C, partition: Partition<T>, commit: PartitionCommit): Promise<unknown>;
  publishBatch(connection: C, parts: readonly unknown[], commit: BatchCommit): Promise<Written>;
}

/** One writer, the driver, takes the whole batch. Its values cross to it as by `collect`. */
export interface BatchSink<T, C> extends SinkLife<C> {
  commitBatch(connection: C, partitions: readonly Partition<T>[], commit: BatchCommit): Promise<Written>;
}

/**
 * Rows and progress in one atomic step; write nothing when this commit is already there, throw `FENCED` when a newer epoch is. One of
 * three shapes.
 */
export type SinkDefinition<T, C> = PartitionSink<T, C> | PublishedSink<T, C> | BatchSink<T, C>;

const LIFE = ["open", "fence", "close"];
const SHAPES = [["commitPartition"], ["writePartition", "publishBatch"], ["commitBatch"]];
const ALL_SHAPES = SHAPES.map((methods) => methods.join(" with ")).join(", or ");

/** What saveTo takes. Made by {@link defineSink} and the sinks of millrace/sinks. */
export interface Sink<in T> {
  readonly "~sink": SinkDefinition<never, unknown>;
  /** Type only: what it accepts. */
  readonly "~accepts"?: (value: T) => void;
}

/** @throws BAD_OPTION when it has none of the three shapes */
export function defineSink<T, C>(definition: SinkDefinition<T, C>): Sink<T> {
  const given = (definition ?? {}) as unknown as { readonly [method: string]: unknown };
  const shape = SHAPES.find((methods) => methods.some((method) => given[method] !== undefined)) ?? SHAPES[0]!;
  for (const method of [...LIFE, ...shape]) {
    checkArgument(
      "defineSink",
      `"${method}"`,
      given[method],
      isFunction,
      `A sink has ${LIFE.join(", ")} and ${ALL_SHAPES}.`,
    );
  }
  return Object.freeze({ "~sink": definition as SinkDefinition<never, unknown> });
}
