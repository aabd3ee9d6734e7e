import { MillraceError } from "../model/errors.ts";
import type { Entry } from "./entry.ts";
import { decodeSegment } from "./framing.ts";
import { epochsIn, segmentName } from "./sealed-log.ts";
import type { CheckpointStore } from "./store.ts";
import { after, NEW_WORLD, type World } from "./world.ts";

export interface SegmentReport {
  readonly name: string;
  readonly epoch: number;
  readonly appName: string | undefined;
  readonly entries: number;
  readonly length: number;
  /** Of an entry that was being written when its driver died. */
  readonly tornBytes: number;
  readonly damage: string | undefined;
  /** How the world stands at the end of the segment. */
  readonly world: World | undefined;
}

/** Every segment, the oldest first. Writes nothing and takes nothing over. */
export async function inspectCheckpoint(store: CheckpointStore): Promise<SegmentReport[]> {
  const epochs = (await epochsIn(store)).sort((a, b) => a - b);
  return Promise.all(epochs.map((epoch) => inspectSegment(store, epoch)));
}

async function inspectSegment(store: CheckpointStore, epoch: number): Promise<SegmentReport> {
  const name = segmentName(epoch);
  const bytes = await store.read(name);
  try {
    const { entries, length } = decodeSegment<Entry>(bytes, name);
    const [begin] = entries;
    const world = begin === undefined ? undefined : entries.reduce(after, NEW_WORLD);
    const appName = begin?.type === "begin" ? begin.appName : undefined;
    return {
      name,
      epoch,
      appName,
      entries: entries.length,
      length,
      tornBytes: bytes.length - length,
      damage: undefined,
      world,
    };
  } catch (error) {
    if (!MillraceError.is(error)) throw error;
    const nothing = { appName: undefined, entries: 0, length: 0, tornBytes: 0, world: undefined };
    return { name, epoch, ...nothing, damage: error.message };
  }
}
