import type { BatchPlan, Positions } from "../model/plan.ts";
import type { LastBatches, PartitionRanges } from "./partition-ranges.ts";
import type { Seal } from "./sealed-log.ts";
import type { World } from "./world.ts";

/** What a checkpoint says, entry by entry. Plain data, documented in docs/checkpoint-format.md. */
export type Entry =
  /** The first of every segment: who writes it, what it follows, and how the world stood then. */
  | {
      readonly type: "begin";
      readonly checkpointId: string;
      readonly appName: string;
      readonly epoch: number;
      readonly seals: Seal | null;
      readonly world: World;
    }
  /** Where the streams start. Written before the first tick, so that a crash before the first batch moves nothing. */
  | { readonly type: "start"; readonly positions: Positions }
  /** A batch is about to run by this plan, and by no other. */
  | { readonly type: "plan"; readonly plan: BatchPlan; readonly graph: string; readonly code?: string }
  /** All outputs of the batch are done. */
  | {
      readonly type: "complete";
      readonly seq: number;
      readonly states?: WrittenStates;
      /** An earlier release named the outputs, and no partitions. */
      readonly written?: CompletionReceipts | readonly string[];
    }
  /** The driver has stopped well: another one may take over at once. */
  | { readonly type: "release" }
  /** What the sinks hold was accepted as it is, by whoever restored or copied the checkpoint or a sink: see {@link Adoption}. */
  | ({ readonly type: "adopt" } & Adoption)
  /** These states were dealt out anew over another number of partitions: where each partition lies now. */
  | { readonly type: "reshard"; readonly states: World["states"] }
  /** The batch has failed for good and is left out: nothing will run it again by itself. With `plan` it failed before that was written. */
  | { readonly type: "abandon"; readonly seq: number; readonly why: Abandonment; readonly plan?: BatchPlan }
  /** What sinks hold of a batch that was left out, asked when nothing of it could be written any more and nothing after it was. */
  | { readonly type: "receipts"; readonly seq: number; readonly written: Receipts };

/** Why a batch was left out, and how far each of its outputs had come. */
export interface Abandonment {
  readonly code: string;
  readonly message: string;
  /** Of the job that ran it: a digest of its operations. */
  readonly graph?: string;
  readonly outputs: readonly AbandonedOutput[];
}

export interface AbandonedOutput {
  readonly name: string;
  /** All of it was written, or its function had returned. */
  readonly done: boolean;
  /** Of an output of saveTo that has written in this batch, or could have. */
  readonly numPartitions?: number;
  /** Of an output of saveTo that was not done: the partitions that its sink holds of the batch. Left out while nobody could ask, or the sink cannot tell. */
  readonly written?: readonly number[];
  /** Of a replay: the partitions that an earlier try had written. */
  readonly before?: readonly number[];
}

/** What sinks hold of a batch that was left out: by output, the partitions. */
export interface Receipts {
  readonly [output: string]: readonly number[];
}

/**
 * By output that left something in its sink, now or when the batch ran before: the partitions that were written. Of a sink that takes batches as a whole, all
 * of them.
 */
export interface CompletionReceipts {
  readonly [output: string]: PartitionRanges;
}

export interface Adoption {
  /** The highest batch of which any sink holds something. Above all that the checkpoint knows, batches go on after it, and none is pending. */
  readonly seq: number;
  /** By output: the last batch of which its sink holds something, or 0. */
  readonly written: { readonly [output: string]: LastBatches };
}

/** What a batch has written of each state, by partition; nothing where nothing has changed. */
export interface WrittenStates {
  readonly [name: string]: readonly (StatePart | null | undefined)[];
}

/** Where a part of a partition's state lies: the whole of it, or what one batch has changed. */
export interface StatePart {
  readonly segment: string;
  readonly position: number;
  readonly length: number;
  /** CRC-32 of the bytes. */
  readonly checksum: number;
  readonly snapshot: boolean;
}
