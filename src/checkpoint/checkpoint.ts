import { randomUUID } from "node:crypto";
import { assert, MillraceError } from "../model/errors.ts";
import type { BatchPlan, Positions } from "../model/plan.ts";
import type { Abandonment, Adoption, CompletionReceipts, Entry, Receipts, StatePart } from "./entry.ts";
import { type BegunSegment, epochsIn, lastBegun, type Seal, SealedLog, segmentName } from "./sealed-log.ts";
import { type Resharded, StateLog, type StateWrites } from "./state-log.ts";
import type { CheckpointStore } from "./store.ts";
import { after, NEW_WORLD, type World } from "./world.ts";

/**
 * The log that survives the driver: one segment per epoch, written by one driver.
 *
 * A new driver first creates the segment of the next epoch, which tells the old driver to stop; only then it reads the old segment, and
 * begins its own with how long that one was and how the world stood. A driver that was paused between looking and writing finds out before
 * it does anything: see {@link SealedLog}.
 */
export class Checkpoint {
  readonly id: string;
  readonly #store: CheckpointStore;
  readonly #appName: string;
  readonly #segmentBytesMax: number;
  #log: SealedLog<Entry>;
  #world: World;
  readonly #states: StateLog;
  /** The batch after which it is swept. */
  #sweepAt = 0;

  private constructor(
    store: CheckpointStore,
    appName: string,
    opened: { id: string; epoch: number; world: World },
    segmentBytesMax: number,
  ) {
    this.#store = store;
    this.#appName = appName;
    this.#segmentBytesMax = segmentBytesMax;
    this.id = opened.id;
    this.#log = logOf(store, opened.epoch);
    this.#world = opened.world;
    this.#states = new StateLog(store);
  }

  /**
   * What a driver would find, without taking over: one that cannot go on with it must not stop the one that does.
   * @throws CHECKPOINT_OF_ANOTHER_JOB, CHECKPOINT_OF_ANOTHER_VERSION, CHECKPOINT_CORRUPT, CHECKPOINT_UNUSABLE
   */
  static async peek(store: CheckpointStore, appName: string): Promise<World> {
    return worldOf(await lastOf(store, appName, Number.POSITIVE_INFINITY));
  }

  /** Takes over: from here on older drivers are fenced. @throws CHECKPOINT_OF_ANOTHER_JOB, CHECKPOINT_CORRUPT, CHECKPOINT_UNUSABLE */
  static async open(
    store: CheckpointStore,
    appName: string,
    { segmentBytesMax = 16 * 2 ** 20 } = {},
  ): Promise<Checkpoint> {
    const epoch = await createNextSegment(store);
    const before = await lastOf(store, appName, epoch).catch(async (error) => {
      // A newer driver sweeps away what this one is reading.
      await logOf(store, epoch).refuseWhenFenced();
      throw error;
    });
    const id = before?.begin.checkpointId ?? randomUUID();
    const world = worldOf(before);
    const checkpoint = new Checkpoint(store, appName, { id, epoch, world }, segmentBytesMax);
    await checkpoint.#begin(before === undefined ? null : { epoch: before.epoch, length: before.length });
    // When it fails, the sweep after the first batch tells.
    await checkpoint.#sweepNow().catch((error) => {
      if (!MillraceError.is(error, "CHECKPOINT_UNUSABLE")) throw error;
    });
    return checkpoint;
  }

  get epoch(): number {
    return this.#log.epoch;
  }

  get world(): World {
    return this.#world;
  }

  /** The first offsets of streams that have none yet. */
  async start(positions: Positions): Promise<void> {
    await this.#append({ type: "start", positions });
  }

  /** Step 3 of a batch. When it resolves, the batch runs by this plan and no other, now or after a crash. */
  async plan(plan: BatchPlan, graph: string, code?: string): Promise<void> {
    if (this.#log.length > this.#segmentBytesMax) await this.#roll();
    await this.#append({ type: "plan", plan, graph, ...(code !== undefined && { code }) });
  }

  /** Step 6 of a batch. When it resolves, the next batch starts at its ends and from its states. */
  async complete(seq: number, writes: StateWrites = {}, written: CompletionReceipts = {}): Promise<void> {
    const states = await this.#states.write(writes, this.epoch);
    await this.#append({
      type: "complete",
      seq,
      ...(Object.keys(states).length > 0 && { states }),
      ...(Object.keys(written).length > 0 && { written }),
    });
  }

  /** The batch is left out. When it resolves, the next batch starts at its ends; states and windows are those of the batch before. */
  async abandon(seq: number, why: Abandonment, plan?: BatchPlan): Promise<void> {
    await this.#append({ type: "abandon", seq, why, ...(plan && { plan }) });
  }

  /** See the entry of that name. */
  async receipts(seq: number, written: Receipts): Promise<void> {
    await this.#append({ type: "receipts", seq, written });
  }

  /** Goes on under the next epoch: what still runs under this one can then be fenced off. @returns true @throws FENCED */
  async renew(): Promise<boolean> {
    await this.#roll();
    return true;
  }

  /** Removes what nothing needs any more, when it is time to look for it. What fails is tried again some batches later. */
  async sweep(): Promise<void> {
    const { seq } = this.#world;
    if (seq < this.#sweepAt) return;
    this.#sweepAt = seq + BATCHES_TO_NEXT_TRY;
    await this.#sweepNow();
    this.#sweepAt = seq + BATCHES_PER_SWEEP;
  }

  /** States get other partitions: by name, their snapshots in order. When it resolves all of them are the new ones; before, none. */
  async reshard(states: Resharded): Promise<void> {
    const written: { [name: string]: StatePart[][] } = {};
    for (const [name, partitions] of Object.entries(states)) {
      const parts: StatePart[][] = [];
      for await (const bytes of partitions) {
        const one = await this.#states.write({ [name]: [{ bytes, snapshot: true }] }, this.epoch);
        parts.push([one[name]![0]!]);
      }
      written[name] = parts;
    }
    await this.#append({ type: "reshard", states: written });
  }

  /** What sinks hold is accepted. When it resolves, this driver's epoch is above `epoch`, the highest that they have seen. @throws FENCED */
  async adopt(adoption: Adoption, epoch: number): Promise<void> {
    if (epoch >= this.epoch) await this.#roll(epoch + 1);
    await this.#append({ type: "adopt", ...adoption });
  }

  /** A partition of a state as the last completed batch has left it: a snapshot and the changes after it. @throws CHECKPOINT_CORRUPT */
  readState(name: string, partition: number): Promise<Uint8Array[]> {
    return Promise.all((this.#world.states[name]?.[partition] ?? []).map((part) => this.#states.read(part)));
  }

  /** The driver stops well. */
  async release(): Promise<void> {
    await this.#append({ type: "release" });
  }

  /** @throws FENCED when a newer driver is there */
  refuseWhenFenced(): Promise<void> {
    return this.#log.refuseWhenFenced();
  }

  close(): Promise<void> {
    return this.#store.close();
  }

  /** A driver that succeeds itself, so that a segment does not grow for ever. */
  async #roll(next = this.epoch + 1): Promise<void> {
    await this.#log.refuseWhenFenced();
    const { epoch, length } = this.#log;
    if (!(await this.#store.create(segmentName(next)))) throw fenced(this.#store, epoch, next);
    // Whoever came in between may have planned a batch that this one does not know of.
    const between = (await epochsIn(this.#store)).find((other) => other > epoch && other < next);
    if (between !== undefined) throw fenced(this.#store, epoch, between);
    this.#log = logOf(this.#store, next);
    await this.#begin({ epoch, length });
    this.#sweepAt = 0;
  }

  async #begin(seals: Seal | null): Promise<void> {
    await this.#append({
      type: "begin",
      checkpointId: this.id,
      appName: this.#appName,
      epoch: this.epoch,
      seals,
      world: this.#world,
    });
  }

  async #append(entry: Entry): Promise<void> {
    const world = after(this.#world, entry);
    await this.#log.append(entry);
    this.#world = world;
  }

  /** The segment before the present one is kept: someone may be reading it. Those before are of no use. */
  async #sweepNow(): Promise<void> {
    const older = (await epochsIn(this.#store)).filter((epoch) => epoch < this.epoch);
    const before = Math.max(...older);
    for (const epoch of older) if (epoch < before) await this.#store.delete(segmentName(epoch));
    await this.#states.sweep(this.#world, this.epoch);
  }
}

/** How often a running driver looks for segments of states that nothing needs any more. */
const BATCHES_PER_SWEEP = 100;
const BATCHES_TO_NEXT_TRY = 10;

async function createNextSegment(store: CheckpointStore): Promise<number> {
  while (true) {
    const epoch = Math.max(0, ...(await epochsIn(store))) + 1;
    assert(epoch < 2 ** 31, "there are no epochs left");
    if (await store.create(segmentName(epoch))) return epoch;
  }
}

/** The newest segment below `epoch` that says something. @throws CHECKPOINT_OF_ANOTHER_JOB */
async function lastOf(
  store: CheckpointStore,
  appName: string,
  epoch: number,
): Promise<BegunSegment<Entry> | undefined> {
  const last = await lastBegun<Entry>(store, epoch);
  if (last === undefined || last.begin.appName === appName) return last;
  throw new MillraceError(
    "CHECKPOINT_OF_ANOTHER_JOB",
    `The checkpoint in ${store.place} belongs to "${last.begin.appName}", not to "${appName}".`,
    {
      hint: "Give each job a checkpointDirectory of its own. Renaming a job starts a new one.",
    },
  );
}

function worldOf(last: BegunSegment<Entry> | undefined): World {
  return last === undefined ? NEW_WORLD : last.entries.reduce(after, NEW_WORLD);
}

function logOf(store: CheckpointStore, epoch: number): SealedLog<Entry> {
  return new SealedLog(store, epoch, (other) => fenced(store, epoch, other));
}

function fenced({ place }: CheckpointStore, own: number, other: number): MillraceError {
  return new MillraceError(
    "FENCED",
    `Another driver (epoch ${other}) has taken over the checkpoint in ${place}; this one has epoch ${own}.`,
    {
      hint: "One driver per checkpoint. This one has stopped and must not be started again while the other runs.",
    },
  );
}
