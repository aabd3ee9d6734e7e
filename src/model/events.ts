import type { Time } from "./duration.ts";
import type { MillraceError } from "./errors.ts";
import type { OffsetRange, TopicPartition } from "./offset-range.ts";

import type { StreamProgress } from "./progress.ts";

/** What the engine tells about itself. The log, the demo's table and a UI are only listeners. */

/** One stream's share of a batch. Spark: `StreamInputInfo`. */
export interface InputInfo {
  readonly name: string;
  /** For Kafka the number of offsets; compacted and transactional topics hold fewer records. */
  readonly records: number;
  readonly offsetRanges: readonly OffsetRange[];
  /** Offsets that were there when the batch was planned and are not part of it. */
  readonly lag: number;
  /** The same by partition, one entry for each; none for what is not read from Kafka, and for a batch that an earlier run has planned. */
  readonly partitions: readonly PartitionLag[];
  /** Records that `onDecodeError` or `onRecordError` left out, known when the batch is complete; see `onRecordsSkipped`. */
  readonly skipped: number;
}

export interface PartitionLag extends TopicPartition {
  readonly lag: number;
}

/** Records of one batch that a policy left out: by the decoders, or by the function of one operator. */
export interface RecordsSkipped {
  readonly batchTime: Time;
  /** The name of the stream. */
  readonly source: string;
  /** The operator whose function threw, with its place in the file; undefined when they could not be decoded. */
  readonly operator: string | undefined;
  readonly count: number;
  /** The first of them, by partition and offset. */
  readonly first: TopicPartition & { readonly offset: number; readonly error: MillraceError };
}

export interface OutputInfo {
  readonly name: string;
  /** Milliseconds; undefined when it has not run. */
  readonly duration: number | undefined;
  readonly failure: MillraceError | undefined;
}

/** Spark: `OutputOperationInfo`. */
export interface OutputOperationInfo extends OutputInfo {
  /** The key of the batch. */
  readonly seq: number;
  readonly batchTime: Time;
  /** 0, 1, 2 ... in the order of registration. */
  readonly id: number;
  readonly startTime: Time;
  readonly endTime: Time | undefined;
}

/** Spark: `BatchInfo`. Durations in milliseconds. */
export interface BatchInfo {
  /** 1, 2, 3 ...: the key of the batch. */
  readonly seq: number;
  readonly batchTime: Time;
  /**
   * Ticks since the batch before that had no batch of their own, because a batch took too long or no driver was there: this batch reads what had
   * arrived, and windows take them for empty. 0 for other triggers than "interval".
   */
  readonly missedTicks: number;
  readonly inputs: readonly InputInfo[];
  /** When the batch was planned. */
  readonly submissionTime: Time;
  readonly processingStartTime: Time | undefined;
  readonly processingEndTime: Time | undefined;
  /** From the batch time until processing started: how far the stream is behind its clock. */
  readonly schedulingDelay: number | undefined;
  readonly processingDelay: number | undefined;
  readonly totalDelay: number | undefined;
  readonly outputs: readonly OutputInfo[];
  /** Why the batch does not count: that of an output, or what kept its completion from being written. */
  readonly failure: Error | undefined;
}

export interface TaskFailure {
  readonly batchTime: Time;
  readonly partition: number;
  readonly attempt: number;
  readonly executorId: number;
  readonly error: MillraceError;
  readonly willRetry: boolean;
}

/**
 * Offsets that a stream with `failOnDataLoss: false` went on without. `expired`: retention or deleteRecords took them. `truncated`: the
 * partition ends before them, as after an unclean leader election. `recreated`, `deleted`: so was their topic; Kafka then no longer tells where
 * it ended, and the range goes to the last end that was known.
 */
export interface DataLoss {
  readonly range: OffsetRange;
  readonly reason: "expired" | "truncated" | "recreated" | "deleted";
}

/** @runs driver. An error thrown here, or a promise that rejects, is logged and never hurts the stream. Nothing waits for a listener. Spark: `StreamingListener`. */
export interface StreamingListener {
  /** The executors are ready, and the first batch can be planned. */
  onStreamingStarted?(event: { time: Time }): void;
  /** The batch is planned: its inputs are known. */
  onBatchSubmitted?(info: BatchInfo): void;
  /** Its first task is about to run. */
  onBatchStarted?(info: BatchInfo): void;
  /** Those that run on executors start and end together: they share their passes over the data. */
  onOutputOperationStarted?(info: OutputOperationInfo): void;
  /** After success and after failure. */
  onOutputOperationCompleted?(info: OutputOperationInfo): void;
  /** After success and after failure; see `failure`. A batch that runs again is told again, with the same `seq`. */
  onBatchCompleted?(info: BatchInfo): void;
  /** After each batch that has succeeded. Spark: `onQueryProgress` of Structured Streaming. */
  onProgress?(progress: StreamProgress): void;
  /** The batch has failed for good and is left out, as `failedBatch: "continue"` asks for. Its ranges can be read by createRDD. */
  onBatchAbandoned?(info: BatchInfo): void;
  /** Each failed try of a task; `willRetry` says whether it was the last. */
  onTaskFailed?(event: TaskFailure): void;
  /** Once a completed batch for each source and operator that left records out, before `onBatchCompleted`. */
  onRecordsSkipped?(event: RecordsSkipped): void;
  /** An executor was lost; unless the stream is stopping, another one takes its place. */
  onExecutorLost?(event: { executorId: number; error: MillraceError }): void;
  /**
   * Old files of the checkpoint could not be removed. Nothing depends on it, and it is tried again some batches later; but the disk that refuses
   * may refuse more.
   */
  onSweepFailed?(event: { error: MillraceError }): void;
  /** The stream goes on without these offsets, because it was told `failOnDataLoss: false`. */
  onDataLoss?(event: DataLoss): void;
}

/** Anything shaped like pino or console. */
export interface Logger {
  debug(fields: object, message?: string): void;
  info(fields: object, message?: string): void;
  warn(fields: object, message?: string): void;
  error(fields: object, message?: string): void;
}
