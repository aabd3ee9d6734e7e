import { crc32 } from "node:zlib";
import { assert } from "../model/errors.ts";
import type { StatePart, WrittenStates } from "./entry.ts";
import { corrupt } from "./framing.ts";
import type { CheckpointStore } from "./store.ts";
import type { World } from "./world.ts";

/** What a batch writes of each state, by partition; undefined where nothing has changed. */
export interface StateWrites {
  readonly [name: string]: readonly ({ readonly bytes: Uint8Array; readonly snapshot: boolean } | undefined)[];
}

/** By name, the snapshots of all partitions that a state has from now on. */
export interface Resharded {
  readonly [name: string]: AsyncIterable<Uint8Array>;
}

/** A segment that has grown to this is followed by another one, so that it can be deleted when nothing of it is needed any more. */
const SEGMENT_BYTES_MAX = 16 * 2 ** 20;

/**
 * The states' bytes, apart from the log that says which of them count: segments of their own, written by one driver, one append per
 * batch. What a completion entry does not name does not exist.
 */
export class StateLog {
  readonly #store: CheckpointStore;
  readonly #segmentBytesMax: number;
  #number = 0;
  #segment: string | undefined;
  #length = 0;

  constructor(store: CheckpointStore, segmentBytesMax = SEGMENT_BYTES_MAX) {
    this.#store = store;
    this.#segmentBytesMax = segmentBytesMax;
  }

  /** Durable when it resolves. */
  async write(writes: StateWrites, epoch: number): Promise<WrittenStates> {
    const all = Object.values(writes).flat();
    const bytes = Buffer.concat(all.flatMap((one) => one?.bytes ?? []));
    const segment = bytes.length === 0 ? "" : await this.#segmentOf(epoch);
    let position = this.#length;
    const place = (one: (typeof all)[number]): StatePart | undefined => {
      if (one === undefined) return undefined;
      const { length } = one.bytes;
      const part = { segment, position, length, checksum: crc32(one.bytes), snapshot: one.snapshot };
      position += length;
      return part;
    };
    const written = Object.fromEntries(Object.entries(writes).map(([name, parts]) => [name, parts.map(place)]));
    if (bytes.length > 0) await this.#store.append(segment, this.#length, bytes);
    this.#length = position;
    return written;
  }

  /** @throws CHECKPOINT_CORRUPT when it is not what was written */
  async read(part: StatePart): Promise<Uint8Array> {
    const bytes = await this.#store.read(part.segment, part).catch(async (error) => {
      if ((await this.#store.list()).includes(part.segment)) throw error;
      throw corrupt(`${this.#store.place}/${part.segment}`, part.position, "a state lies there, and the file is gone");
    });
    if (bytes.length === part.length && crc32(bytes) === part.checksum) return bytes;
    throw corrupt(`${this.#store.place}/${part.segment}`, part.position, "a state is not as it was written");
  }

  /** Deletes the segments of which no state needs anything: of this driver and of those before it, never of one after it. */
  async sweep({ states }: World, epoch: number): Promise<void> {
    const needed = new Set(
      Object.values(states).flatMap((partitions) => partitions.flat().map(({ segment }) => segment)),
    );
    for (const name of await this.#store.list()) {
      const writer = Number(SEGMENT.exec(name)?.[1] ?? Number.POSITIVE_INFINITY);
      if (writer <= epoch && name !== this.#segment && !needed.has(name)) await this.#store.delete(name);
    }
  }

  async #segmentOf(epoch: number): Promise<string> {
    if (this.#segment === undefined || this.#length >= this.#segmentBytesMax) {
      const name = `state-${String(epoch).padStart(10, "0")}-${String(++this.#number).padStart(6, "0")}.log`;
      assert(await this.#store.create(name), `${name} is there already`);
      this.#segment = name;
      this.#length = 0;
    }
    return this.#segment;
  }
}

const SEGMENT = /^state-(\d{10})-\d{6,}\.log$/;
