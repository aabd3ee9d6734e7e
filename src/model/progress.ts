import type { Time } from "./duration.ts";

/**
 * A batch that has succeeded, in numbers: plain JSON, for a log, a metric or a table. Durations in milliseconds, rates in records per second,
 * one decimal. Spark: `StreamingQueryProgress`.
 */
export interface StreamProgress {
  readonly appName: string;
  readonly seq: number;
  readonly epoch: number;
  readonly batchTime: Time;
  /** Ticks since the batch before that had no batch of their own; see `BatchInfo`. */
  readonly missedTicks: number;
  /** Of all streams together; for Kafka the number of offsets. */
  readonly records: number;
  /** What was there when the batch was planned and is not part of it. */
  readonly lag: number;
  /** Records of this batch per second since the batch before; null for the first one of a run. */
  readonly inputRate: number | null;
  /** Records per second of processing; null when it took no measurable time. */
  readonly processedRate: number | null;
  /** From the batch time until processing began. */
  readonly schedulingDelay: number;
  readonly durations: StepDurations;
  readonly sources: readonly SourceProgress[];
}

/** The steps of a batch. A batch that an earlier run has planned took no time for the first two. */
export interface StepDurations {
  /** Asking for the latest offsets and cutting the ranges. */
  readonly planning: number;
  /** Writing the plan to the checkpoint, and closing sinks to older drivers. */
  readonly planWrite: number;
  /** All tasks and outputs. */
  readonly processing: number;
  /** Writing that the batch is complete. */
  readonly commit: number;
}

export interface SourceProgress {
  readonly name: string;
  readonly records: number;
  readonly lag: number;
  /** What backpressure allows the next batch; null without backpressure. */
  readonly nextRate: number | null;
  /** By topic and partition, where the batch began and where it ended. */
  readonly startOffsets: OffsetsByTopic;
  readonly endOffsets: OffsetsByTopic;
}

export interface OffsetsByTopic {
  readonly [topic: string]: { readonly [partition: number]: number };
}
