import type { Codec } from "../data/record-batch.ts";
import type { Kind } from "../data/records.ts";

/** What every system computes. `batches`: in how many batches of equal size, where a system has batches. */
export const peerWorkloads = {
  /** Decode each value to a string, map it to its length, filter, count. */
  count: { kind: "text", batches: 1 },
  /** Split each value into words, pair each with 1, add up by key. */
  words: { kind: "text", batches: 1 },
  /** Parse each value as JSON, add up one number by key. */
  json: { kind: "json", batches: 1 },
  /** Word count over the last three batches, after each batch. */
  window: { kind: "text", batches: 10 },
  /** A running total for each of 100,000 users, kept from batch to batch. */
  state: { kind: "keyed", batches: 10 },
  /** From one topic to another, long lines only. */
  copy: { kind: "text", batches: 10 },
} as const satisfies Record<string, { kind: Kind; batches: number }>;

export type PeerWorkload = keyof typeof peerWorkloads;

export const peerWorkloadNames = Object.keys(peerWorkloads) as PeerWorkload[];

/** What a system is told to do. */
export interface PeerHeat {
  readonly bootstrap: string;
  readonly topic: string;
  readonly workload: PeerWorkload;
  readonly codec: Codec;
  readonly records: number;
  readonly partitions: number;
  readonly threads: number;
  readonly batches: number;
  /** Records of one partition in one batch. */
  readonly perPartition: number;
}

/** How a program is started. */
export interface Command {
  readonly file: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** A system that is ready to be started. */
export interface PreparedPeer {
  readonly versions: Readonly<Record<string, string>>;
  command(heat: PeerHeat): Command;
}

/** A system to compare with. */
export interface Peer {
  readonly name: string;
  readonly workloads: readonly PeerWorkload[];
  readonly codecs: readonly Codec[];
  /** Gets what it needs into a folder of its own, once on a machine. @throws LeftOut */
  prepare(onProgress: (line: string) => void): Promise<PreparedPeer>;
}

/** This machine lacks what a peer needs; the message says what. */
export class LeftOut extends Error {}

/**
 * What a program answers, one JSON line each. `ready`: it has loaded what it needs. Then, for each line on its stdin (empty, or the name of
 * the topic to write to), one pass over the topic. At the end of stdin it leaves.
 */
export type PeerAnswer =
  | { readonly type: "ready" }
  | {
      readonly type: "pass";
      /** One for each batch; a single one where the system has no batches. */
      readonly batchSeconds: readonly number[];
      readonly digest: string;
    };
