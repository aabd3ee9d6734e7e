import { randomUUID } from "node:crypto";
import { assert, MillraceError } from "../model/errors.ts";
import type { BatchPlan, Positions } from "../model/plan.ts";
import { corrupt, type DecodedSegment, decodeSegment, type Entry, encodeEntry } from "./entry.ts";
import type { CheckpointStore } from "./store.ts";
import { after, NEW_WORLD, type World } from "./world.ts";

/**
 * The log that survives the driver: one segment per epoch, written by one driver.
 *
 * A new driver first creates the segment of the next epoch, which tells the old driver to stop; only then it reads the old segment, and
 * begins its own with how long that one was and how the world stood. What the old driver writes later is beyond that length and does not
 * exist. Every append is synced, then the store is asked for a higher epoch, and only then is the entry acted on: a driver that was paused
 * between looking and writing finds out before it does anything.
 */
export class Checkpoint {
  readonly id: string;
  readonly #store: CheckpointStore;
  readonly #appName: string;
  readonly #segmentBytesMax: number;
  #epoch: number;
  #length = 0;
  #world: World;

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
    this.#epoch = opened.epoch;
    this.#world = opened.world;
  }

  /** Takes over: from here on older drivers are fenced. @throws CHECKPOINT_OF_ANOTHER_JOB, CHECKPOINT_CORRUPT, CHECKPOINT_UNUSABLE */
  static async open(
    store: CheckpointStore,
    appName: string,
    { segmentBytesMax = 16 * 2 ** 20 } = {},
  ): Promise<Checkpoint> {
    const epoch = await createNextSegment(store);
    const before = await lastBegun(store, epoch);
    if (before !== undefined && before.begin.appName !== appName) {
      throw new MillraceError(
        "CHECKPOINT_OF_ANOTHER_JOB",
        `The checkpoint in ${store.place} belongs to "${before.begin.appName}", not to "${appName}".`,
        {
          hint: "Give each job a checkpointDirectory of its own. Renaming a job starts a new one.",
        },
      );
    }
    const id = before?.begin.checkpointId ?? randomUUID();
    const world = before === undefined ? NEW_WORLD : before.entries.reduce(after, NEW_WORLD);
    const checkpoint = new Checkpoint(store, appName, { id, epoch, world }, segmentBytesMax);
    await checkpoint.#begin(before === undefined ? null : { epoch: before.epoch, length: before.length });
    await checkpoint.#sweep();
    return checkpoint;
  }

  get epoch(): number {
    return this.#epoch;
  }

  get world(): World {
    return this.#world;
  }

  /** The first offsets of streams that have none yet. */
  async start(positions: Positions): Promise<void> {
    await this.#append({ type: "start", positions });
  }

  /** Step 3 of a batch. When it resolves, the batch runs by this plan and no other, now or after a crash. */
  async plan(plan: BatchPlan, graph: string): Promise<void> {
    if (this.#length > this.#segmentBytesMax) await this.#roll();
    await this.#append({ type: "plan", plan, graph });
  }

  /** Step 6 of a batch. When it resolves, the next batch starts at its ends. */
  async complete(seq: number): Promise<void> {
    await this.#append({ type: "complete", seq });
  }

  close(): Promise<void> {
    return this.#store.close();
  }

  /** A driver that succeeds itself, so that a segment does not grow for ever. */
  async #roll(): Promise<void> {
    await this.#refuseWhenFenced();
    const seals = { epoch: this.#epoch, length: this.#length };
    if (!(await this.#store.create(segmentName(this.#epoch + 1)))) throw this.#fenced(this.#epoch + 1);
    this.#epoch++;
    await this.#begin(seals);
    await this.#sweep();
  }

  async #begin(seals: { epoch: number; length: number } | null): Promise<void> {
    this.#length = 0;
    await this.#append({
      type: "begin",
      checkpointId: this.id,
      appName: this.#appName,
      epoch: this.#epoch,
      seals,
      world: this.#world,
    });
  }

  async #append(entry: Entry): Promise<void> {
    const world = after(this.#world, entry);
    const bytes = encodeEntry(entry);
    try {
      await this.#store.append(segmentName(this.#epoch), this.#length, bytes);
    } catch (error) {
      // A driver that was replaced long ago finds its segment deleted. It must learn that it was replaced, or it would be started again.
      await this.#refuseWhenFenced();
      throw error;
    }
    this.#length += bytes.length;
    await this.#refuseWhenFenced();
    this.#world = world;
  }

  async #refuseWhenFenced(): Promise<void> {
    const highest = Math.max(...(await epochsIn(this.#store)));
    if (highest > this.#epoch) throw this.#fenced(highest);
  }

  #fenced(epoch: number): MillraceError {
    return new MillraceError(
      "FENCED",
      `Another driver (epoch ${epoch}) has taken over the checkpoint in ${this.#store.place}; this one has epoch ${this.#epoch}.`,
      {
        hint: "One driver per checkpoint. This one has stopped and must not be started again while the other runs.",
      },
    );
  }

  /** The segment before the present one is kept: someone may be reading it. Those before are of no use. */
  async #sweep(): Promise<void> {
    for (const epoch of await epochsIn(this.#store)) {
      if (epoch < this.#epoch - 1) await this.#store.delete(segmentName(epoch));
    }
  }
}

interface BegunSegment extends DecodedSegment {
  readonly epoch: number;
  readonly begin: Extract<Entry, { type: "begin" }>;
}

/** The newest segment below `epoch` that has begun. One without an entry belongs to a driver that died before it could say anything. */
export async function lastBegun(store: CheckpointStore, epoch: number): Promise<BegunSegment | undefined> {
  const older = (await epochsIn(store)).filter((other) => other < epoch).sort((a, b) => b - a);
  for (const candidate of older) {
    const place = `${store.place}/${segmentName(candidate)}`;
    const segment = decodeSegment(await store.read(segmentName(candidate)), place);
    const [begin] = segment.entries;
    if (begin === undefined) continue;
    if (begin.type !== "begin") throw corrupt(place, 0, "it does not start with how the world stood");
    return { ...segment, epoch: candidate, begin };
  }
  return undefined;
}

async function createNextSegment(store: CheckpointStore): Promise<number> {
  while (true) {
    const epoch = Math.max(0, ...(await epochsIn(store))) + 1;
    assert(epoch < 2 ** 31, "there are no epochs left");
    if (await store.create(segmentName(epoch))) return epoch;
  }
}

const SEGMENT = /^epoch-(\d{10})\.log$/;

export const segmentName = (epoch: number) => `epoch-${String(epoch).padStart(10, "0")}.log`;

export async function epochsIn(store: CheckpointStore): Promise<number[]> {
  return (await store.list()).flatMap((name) => {
    const match = SEGMENT.exec(name);
    return match ? [Number(match[1])] : [];
  });
}
