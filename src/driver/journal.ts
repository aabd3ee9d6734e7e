import { randomUUID } from "node:crypto";
import { Checkpoint } from "../checkpoint/checkpoint.ts";
import type { Abandonment, Adoption, CompletionReceipts, Receipts, StatePart } from "../checkpoint/entry.ts";
import { openStore } from "../checkpoint/open-store.ts";
import { awaitTurn, type Standby } from "../checkpoint/standby.ts";
import type { Resharded, StateWrites } from "../checkpoint/state-log.ts";
import type { CheckpointStore } from "../checkpoint/store.ts";
import { after, NEW_WORLD, type World } from "../checkpoint/world.ts";
import type { ResolvedOptions } from "../job/options.ts";
import { MillraceError } from "../model/errors.ts";
import type { BatchPlan, Positions } from "../model/plan.ts";

/** What a driver writes down about its batches, and reads when it starts: a checkpoint, or nothing that lasts. */
export interface Journal {
  /** Of the checkpoint: part of every key in every sink. */
  readonly id: string;
  readonly epoch: number;
  readonly world: World;
  start(positions: Positions): Promise<void>;
  plan(plan: BatchPlan, graph: string, code?: string): Promise<void>;
  complete(seq: number, writes: StateWrites, written: CompletionReceipts): Promise<void>;
  /** With `plan` when that was never written. */
  abandon(seq: number, why: Abandonment, plan: BatchPlan | undefined): Promise<void>;
  /** What sinks hold of a batch that was left out. */
  receipts(seq: number, written: Receipts): Promise<void>;
  /** Goes on under the next epoch. @returns false when there are no epochs */
  renew(): Promise<boolean>;
  /** Removes what is of no use any more, now and then. */
  sweep(): Promise<void>;
  /** What sinks hold is accepted, and the highest epoch that they have seen is left behind. */
  adopt(adoption: Adoption, epoch: number): Promise<void>;
  /** States get other partitions, all of them at once. Nothing may be pending. */
  reshard(states: Resharded): Promise<void>;
  /** A partition of a state, as the last completed batch has left it. */
  readState(name: string, partition: number): Promise<readonly Uint8Array[]>;
  /** @throws FENCED when a newer driver is there */
  refuseWhenFenced(): Promise<void>;
  /** After a stop, not after a failure: a standby need not wait. */
  release(): Promise<void>;
  close(): Promise<void>;
}

export type OpenStore = () => Promise<CheckpointStore>;

/** The store that the options ask for, if any. */
export function storeOf({ checkpointDirectory }: ResolvedOptions): OpenStore | undefined {
  return checkpointDirectory === undefined ? undefined : () => openStore(checkpointDirectory);
}

/** @param refuse Throws when the job cannot go on with what it is shown. Then nobody is fenced: a mistake must not stop the driver that runs. */
export async function openJournal(
  openStore: OpenStore | undefined,
  appName: string,
  standby: Standby | undefined,
  refuse: (world: World) => void,
): Promise<Journal> {
  if (openStore === undefined) return new MemoryJournal();
  const store = await openStore();
  try {
    if (standby !== undefined) await awaitTurn(store, standby);
    refuse(await Checkpoint.peek(store, appName));
    const journal = await Checkpoint.open(store, appName);
    // A driver that ran until now may have planned one more batch.
    refuse(journal.world);
    return journal;
  } catch (error) {
    await store.close();
    throw error;
  }
}

/** Without a checkpoint the same steps are taken, and a restart finds nothing. */
class MemoryJournal implements Journal {
  readonly id = randomUUID();
  /** There is no other driver that this one could be confused with. */
  readonly epoch = 1;
  world: World = NEW_WORLD;
  #parts = new Map<number, Uint8Array>();
  #numParts = 0;

  async start(positions: Positions): Promise<void> {
    this.world = after(this.world, { type: "start", positions });
  }

  async plan(plan: BatchPlan, graph: string): Promise<void> {
    this.world = after(this.world, { type: "plan", plan, graph });
  }

  async complete(seq: number, writes: StateWrites): Promise<void> {
    const keep = ({ bytes, snapshot }: { bytes: Uint8Array; snapshot: boolean }): StatePart => {
      const position = this.#numParts++;
      this.#parts.set(position, bytes);
      return { segment: "memory", position, length: bytes.length, checksum: 0, snapshot };
    };
    const states = Object.fromEntries(
      Object.entries(writes).map(([name, parts]) => [name, parts.map((part) => part && keep(part))]),
    );
    this.world = after(this.world, { type: "complete", seq, states });
    const needed = new Set(Object.values(this.world.states).flatMap((p) => p.flat().map(({ position }) => position)));
    for (const position of this.#parts.keys()) if (!needed.has(position)) this.#parts.delete(position);
  }

  async abandon(seq: number, why: Abandonment, plan: BatchPlan | undefined): Promise<void> {
    this.world = after(this.world, { type: "abandon", seq, why, ...(plan && { plan }) });
  }

  async receipts(seq: number, written: Receipts): Promise<void> {
    this.world = after(this.world, { type: "receipts", seq, written });
  }

  async renew(): Promise<boolean> {
    return false;
  }

  async sweep(): Promise<void> {}

  async adopt(): Promise<void> {}

  async reshard(): Promise<void> {}

  async readState(name: string, partition: number): Promise<readonly Uint8Array[]> {
    return (this.world.states[name]?.[partition] ?? []).map(({ position }) => this.#parts.get(position)!);
  }

  async release(): Promise<void> {}

  async refuseWhenFenced(): Promise<void> {}

  async close(): Promise<void> {}
}

/** What an exactly-once output or a state has of a batch half done may not fit what other code does with the rest. @throws PLAN_MISMATCH */
export function refusePlanOfOtherCode(
  { pending }: World,
  code: string | undefined,
  { acceptChangedCode, acceptChangedGraph }: ResolvedOptions,
): void {
  if (pending?.code === undefined || code === undefined || pending.code === code) return;
  if (acceptChangedCode || acceptChangedGraph) return;
  throw new MillraceError(
    "PLAN_MISMATCH",
    `Batch ${pending.plan.seq} was planned, but not completed, by other code than this (the job's file or its lock file has changed).`,
    {
      hint: "Some of its partitions may be written. If the new code sends each record where the old one did, accept it: acceptChangedCode, --accept-changed-code. Else run the version before once more.",
      at: { batchTime: pending.plan.batchTime },
    },
  );
}

/** @throws PLAN_MISMATCH when a batch is pending that another graph has planned. */
export function refusePlanOfAnotherGraph({ pending }: World, graph: string, accepted: boolean): void {
  if (pending === null || pending.graph === graph || accepted) return;
  throw new MillraceError(
    "PLAN_MISMATCH",
    `Batch ${pending.plan.seq} was planned, but not completed, by a job with other operations than this one has.`,
    {
      hint: "Run the version before once more and stop it, so that nothing is pending; or accept that the batch runs by the new code: acceptChangedGraph, --accept-changed-graph.",
      at: { batchTime: pending.plan.batchTime },
    },
  );
}
