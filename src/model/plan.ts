import type { Time } from "./duration.ts";
import type { OffsetRange } from "./offset-range.ts";

/** What one task reads from a source: an offset range, pinned to one life of its topic. Sources without offsets count values. */
export interface Slice extends OffsetRange {
  /** Kafka gives a topic that is deleted and created again another id. */
  readonly topicId?: string;
  /** Of the leader whose log was planned by: what a later one has written before `untilOffset` are other records. */
  readonly leaderEpoch?: number;
  readonly epochBorder?: EpochBorder;
}

/** In the log of a leader: from `offset` on, all records are of later leader epochs than `epoch`. */
export interface EpochBorder {
  readonly epoch: number;
  readonly offset: number;
}

/** Everything that names the work of one batch. A batch that runs again runs by the same plan. */
export interface BatchPlan {
  /** 1, 2, 3 ...: the key of a batch. */
  readonly seq: number;
  /** The label of a batch. Strictly increasing. */
  readonly batchTime: Time;
  /** Grows with every driver on one checkpoint. */
  readonly epoch: number;
  /** By the name of the source: one slice per input partition, empty slices included. */
  readonly slices: { readonly [source: string]: readonly Slice[] };
  /** Of the last batch before that completed, where something looks back on it: windows were given up to then. */
  readonly previousTime?: Time | undefined;
  /** By the name of the state. */
  readonly states?: { readonly [name: string]: StatePlan } | undefined;
  /** By the id of the broadcast. */
  readonly broadcasts?: BroadcastVersions | undefined;
  /** How long a completed batch is looked back on by windows and slices, in ms. */
  readonly rememberMs?: number | undefined;
  /** When it does what a batch that was left out has not done. Such a batch moves no stream. */
  readonly replay?: Replay | undefined;
}

/** What of a batch that was left out is not done again. */
export interface Replay {
  /** Of that batch. */
  readonly seq: number;
  /** By output: all of it, or these partitions. */
  readonly done: { readonly [output: string]: "all" | readonly number[] };
}

/** Which load of each broadcast value a batch runs with: 1, 2, 3 ... */
export interface BroadcastVersions {
  readonly [id: string]: number;
}

/** How a batch finds a state. */
export interface StatePlan {
  /** Never changes while the state lives: a key belongs to one partition. */
  readonly numPartitions: number;
  /** The state begins with this batch, with its initial values where it has any. */
  readonly fresh: boolean;
}

/** What happens when the function of an operator throws at a record. */
export type OnRecordError = "fail" | "skip";

/** A plan as a driver runs it: under its epoch and the durable names of its outputs. */
export interface RunningPlan extends BatchPlan {
  readonly checkpointId: string;
  readonly appName: string;
  /** Of all that names the slices, without the epoch: equal when the batch runs again. */
  readonly digest: string;
  /** The option of that name. @default "fail" */
  readonly onRecordError?: OnRecordError;
  /** Completed batches that windows still look back on, the oldest first. */
  readonly earlier: readonly BatchPlan[];
}

/** Where a stream stands in one partition: the next batch starts at `offset`. */
export interface Position {
  readonly topic: string;
  readonly partition: number;
  readonly topicId?: string;
  readonly offset: number;
  /** Of the leader whose log the offset belongs to. */
  readonly leaderEpoch?: number;
  /** In that log. */
  readonly epochBorder?: EpochBorder;
}

/** Where each stream stands, by the name of its source. */
export interface Positions {
  readonly [source: string]: readonly Position[];
}

export interface BatchContext {
  /** 1, 2, 3 ...: the key of a batch, kept through restarts (the batch time is its label). */
  readonly seq: number;
  /** Grows with every start on a checkpoint. Store it with your own rows and refuse a smaller one: that fences a paused driver. */
  readonly epoch: number;
  /** Aborted by `outputTimeout` or a stop by force. */
  readonly signal: AbortSignal;
}

/** What a function learns about the task that runs it. Spark: `TaskContext`. */
export interface TaskContext extends BatchContext {
  readonly batchTime: Time;
  /** 0 .. numPartitions - 1, pinned by the plan: (seq, partition) is the key of an idempotent write. */
  readonly partition: number;
  readonly numPartitions: number;
  /** 1 for the first try. */
  readonly attempt: number;
  /** What this partition was read from; after a shuffle all ranges of the batch. */
  readonly offsetRanges: readonly OffsetRange[];
}
