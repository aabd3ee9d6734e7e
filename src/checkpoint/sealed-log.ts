import type { MillraceError } from "../model/errors.ts";
import { corrupt, type DecodedSegment, decodeSegment, encodeEntry } from "./framing.ts";
import type { CheckpointStore } from "./store.ts";

/** Where the segment before ends, whatever is written to it later. */
export interface Seal {
  readonly epoch: number;
  readonly length: number;
}

/** The first entry of every segment. */
export interface Begin {
  readonly type: "begin";
  readonly epoch: number;
  readonly seals: Seal | null;
}

/**
 * A log of which each writer has a segment of its own, named by its epoch. Whoever creates the segment of a higher epoch, reads the one before
 * and says in its own how long that was, has taken over: what the older writer adds from then on does not exist. So an entry is acted on only
 * when it is durable and nobody with a higher epoch is there.
 */
export class SealedLog<E extends { readonly type: string }> {
  readonly epoch: number;
  readonly #store: CheckpointStore;
  readonly #fenced: (byEpoch: number) => MillraceError;
  #length = 0;
  #ended: { readonly error: unknown } | undefined;

  /** The segment of `epoch` must have been created by the caller, and no other. */
  constructor(store: CheckpointStore, epoch: number, fenced: (byEpoch: number) => MillraceError) {
    this.#store = store;
    this.epoch = epoch;
    this.#fenced = fenced;
  }

  get length(): number {
    return this.#length;
  }

  /** When it resolves the entry is durable, and no newer writer was there when it became so. */
  async append(entry: E): Promise<void> {
    if (this.#ended) throw this.#ended.error;
    const bytes = encodeEntry(entry);
    try {
      await this.#store.append(segmentName(this.epoch), this.#length, bytes);
    } catch (error) {
      // A writer that was replaced long ago finds its segment deleted. It must learn that it was replaced, or it would be started again.
      await this.refuseWhenFenced();
      throw error;
    }
    this.#length += bytes.length;
    try {
      await this.refuseWhenFenced();
    } catch (error) {
      // It is written, and nobody has acted on it: written once more, it would be there twice.
      this.#ended = { error };
      throw error;
    }
  }

  async refuseWhenFenced(): Promise<void> {
    const highest = Math.max(...(await epochsIn(this.#store)));
    if (highest > this.epoch) throw this.#fenced(highest);
  }
}

export interface BegunSegment<E> extends DecodedSegment<E> {
  readonly epoch: number;
  readonly begin: Extract<E, { type: "begin" }>;
}

/** The newest segment below `epoch` that has begun. One without an entry belongs to a writer that died before it could say anything. */
export async function lastBegun<E extends { readonly type: string }>(
  store: CheckpointStore,
  epoch: number,
): Promise<BegunSegment<E> | undefined> {
  const older = (await epochsIn(store)).filter((other) => other < epoch).sort((a, b) => b - a);
  for (const candidate of older) {
    const segment = await readSegment<E>(store, candidate);
    if (segment !== undefined) return segment;
  }
  return undefined;
}

/** Undefined when it has not begun. @throws CHECKPOINT_CORRUPT */
export async function readSegment<E extends { readonly type: string }>(
  store: CheckpointStore,
  epoch: number,
  limit?: number,
): Promise<BegunSegment<E> | undefined> {
  const name = segmentName(epoch);
  const bytes = await store.read(name, limit === undefined ? undefined : { position: 0, length: limit });
  const segment = decodeSegment<E>(bytes, `${store.place}/${name}`);
  const [begin] = segment.entries;
  if (begin === undefined) return undefined;
  if (begin.type !== "begin") throw corrupt(`${store.place}/${name}`, 0, "it does not start with what it follows");
  return { ...segment, epoch, begin: begin as Extract<E, { type: "begin" }> };
}

const SEGMENT = /^epoch-(\d{10})\.log$/;

export const segmentName = (epoch: number) => `epoch-${String(epoch).padStart(10, "0")}.log`;

export async function epochsIn(store: CheckpointStore): Promise<number[]> {
  return (await store.list()).flatMap((name) => {
    const match = SEGMENT.exec(name);
    return match ? [Number(match[1])] : [];
  });
}
