import type { MillraceError } from "../model/errors.ts";
import type { DataLoss, PartitionLag } from "../model/events.ts";
import type { OffsetRange } from "../model/offset-range.ts";
import type { PartitionRates } from "../model/partition-rates.ts";
import type { Position, Slice } from "../model/plan.ts";
import type { Chunk, OperatorName } from "../operators/receiver.ts";

/** Where records come from. The driver plans slices of it; an executor reads one slice at a time. */
export interface Source<out T = unknown> {
  /** Durable, unique in the job. */
  readonly name: string;
  /** What driver and executors must agree on. Goes into the fingerprint. */
  describe(): string;
  /** Whether its slices are offset ranges of Kafka, to be shown by `offsetRanges()`. */
  readonly offsets: boolean;
  /** Whether each batch gets slices of its own. Else it is a bounded set of values, the same whenever it is read. */
  readonly streaming: boolean;
  /** The number of slices when that never changes. */
  readonly fixedPartitions: number | undefined;
  /** The offset ranges when these never change. */
  readonly fixedRanges?: readonly OffsetRange[] | undefined;
  /** @runs driver */
  openPlanner(warn?: Warn): SourcePlanner;
  /** Gets ready to read while the executor starts, if it will surely be read. Fails in silence: reading will fail as well. @runs executor */
  openReader?(): void;
  /** @runs executor */
  read(slice: Slice, task: ReadTask): AsyncIterable<Chunk<T>>;
  /** Closes what reading has opened. @runs executor */
  closeReader(): Promise<void>;
}

/** Takes what is worth a line in the log and does not stop the stream. */
export type Warn = (fields: object, message: string) => void;

export interface ReadTask {
  readonly signal: AbortSignal;
  /** Nobody looks at the records: none need be decoded before it is asked for. */
  readonly countsOnly: boolean;
  /** Told of bytes that came over the wire. */
  onBytes(bytes: number): void;
  /** Told of what cannot be read any more, where the source goes on without it. */
  onDataLoss(loss: DataLoss): void;
  /** Told of each record that is left out because it cannot be decoded. */
  onUndecodable(error: MillraceError): void;
}

export interface PlannedSlices {
  /** One per input partition, empty ones included. */
  readonly slices: readonly Slice[];
  /** How many records these slices hold; for Kafka the number of offsets, as in Spark. */
  readonly records: number;
  /** How many offsets are still behind these slices. */
  readonly lag: number;
  /** The same by partition, where there are any. */
  readonly partitions?: readonly PartitionLag[];
  /** What the stream goes on without: the slices start behind it, and so do the positions from now on. */
  readonly lost?: readonly DataLoss[];
}

/** What bounds the size of one batch. */
export interface BatchLimits {
  readonly intervalMs: number;
  readonly maxRatePerPartition: PartitionRates | undefined;
  readonly minRatePerPartition: PartitionRates | undefined;
  /** Records per second of the whole stream, by backpressure. */
  readonly maxRate: number | undefined;
  /** Estimated bytes on the wire. */
  readonly maxBytes: number;
}

/** The driver's side of a source: where the stream stands. */
export interface SourcePlanner {
  /**
   * Finds the first positions: those of the run before where there are any. Refuses what can be refused before the first batch.
   */
  open(signal: AbortSignal, restored: readonly Position[] | undefined): Promise<void>;
  /**
   * When it is open, and `window` will read what it has read again after a restart: refuses what may not be the same then, though its offsets are still
   * there. @throws TOPIC_COMPACTED
   */
  refuseUnrepeatable?(window: OperatorName, signal: AbortSignal): Promise<void>;
  /** Where the stream stands now. */
  positions(): readonly Position[];
  /**
   * The slices of the next batch, from where the stream stands. Moves nothing but past what is lost for good, so a failed plan loses nothing.
   */
  plan(limits: BatchLimits, signal: AbortSignal): Promise<PlannedSlices>;
  /**
   * Resolves when a plan is likely to hold something, as soon as that is known; once too often does no harm. Rejects with the signal's reason.
   */
  awaitData(signal: AbortSignal): Promise<void>;
  /** The batch with these slices is complete: the next one starts at their ends. `read` is what its tasks have read, if anything. */
  complete(slices: readonly Slice[], read: ReadSize): void;
  close(): Promise<void>;
}

export interface ReadSize {
  readonly records: number;
  /** On the wire. */
  readonly bytes: number;
  /** Whether something could not be read any more. */
  readonly lossy: boolean;
}
