import { readdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { LocalDiskStore } from "../checkpoint/local-disk.ts";
import { type BegunSegment, epochsIn, lastBegun, readSegment, type Seal } from "../checkpoint/sealed-log.ts";
import type { Time } from "../model/duration.ts";
import { assert } from "../model/errors.ts";
import { onDisk } from "./files-disk.ts";
import { batchesOf, epochFolder, type ManifestBegin, type ManifestEntry } from "./files-manifest.ts";

/** A complete batch of a files sink. */
export interface PublishedBatch {
  readonly checkpointId: string;
  readonly output: string;
  readonly seq: number;
  readonly batchTime: Time;
  /** In the order of their partitions; partitions without values have none. */
  readonly files: readonly PublishedFile[];
}

export interface PublishedFile {
  readonly path: string;
  readonly partition: number;
  readonly records: number;
  readonly bytes: number;
}

/**
 * The complete batches below the directory of a files sink, of one output after the other, by rising `seq`: each once, whatever crashed. What
 * else lies there belongs to batches that are not complete. Reads only, also while a job writes.
 * @throws SINK_FAILED
 */
export async function* publishedBatches(directory: string | URL): AsyncGenerator<PublishedBatch> {
  const path = resolve(directory instanceof URL ? fileURLToPath(directory) : directory);
  const entries = await onDisk(path, () => readdir(path, { withFileTypes: true }));
  const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(path, name));
  for (const folder of folders.sort()) yield* batchesIn(folder);
}

async function* batchesIn(folder: string): AsyncGenerator<PublishedBatch> {
  const store = LocalDiskStore.at(folder);
  const newest = await onDisk(folder, () => settledNewest(store));
  if (newest === undefined) return;
  // From the newest segment back to the first, each as long as the one after it says.
  const chain: Seal[] = [];
  for (let seals = newest.begin.seals; seals !== null; ) {
    chain.unshift(seals);
    seals = (await onDisk(folder, () => beginOf(store, seals!))).seals;
  }
  for (const { epoch, length } of chain) {
    const segment = await onDisk(folder, () => readSegment<ManifestEntry>(store, epoch, length));
    assert(segment !== undefined, `a segment of epoch ${epoch} was sealed before it began`);
    yield* published(folder, segment);
  }
  yield* published(folder, newest);
}

function* published(folder: string, segment: BegunSegment<ManifestEntry>): Generator<PublishedBatch> {
  const { checkpointId, output } = segment.begin;
  for (const { seq, batchTime, parts } of batchesOf(segment)) {
    const files = parts.map(({ file, partition, records, bytes }) => {
      return { path: join(folder, epochFolder(segment.epoch), file), partition, records, bytes };
    });
    yield { checkpointId, output, seq, batchTime, files };
  }
}

/**
 * The newest segment that has begun, without what may still turn out never to have been: when a new driver has appeared that has not yet said
 * where it seals this segment, the last entry may have come too late. Those before it were looked after.
 */
async function settledNewest(store: LocalDiskStore): Promise<BegunSegment<ManifestEntry> | undefined> {
  while (true) {
    const newest = await lastBegun<ManifestEntry>(store, Number.POSITIVE_INFINITY);
    if (newest === undefined) return undefined;
    const newer = (await epochsIn(store)).filter((epoch) => epoch > newest.epoch);
    if (newer.length === 0) return newest;
    const begun = await Promise.all(newer.map((epoch) => readSegment<ManifestEntry>(store, epoch)));
    if (begun.every((segment) => segment === undefined)) return { ...newest, entries: newest.entries.slice(0, -1) };
  }
}

/** Enough for the first entry: there is one unswept epoch, or a few. */
const BEGIN_BYTES = 64 * 1024;

async function beginOf(store: LocalDiskStore, { epoch, length }: Seal): Promise<ManifestBegin> {
  const segment = await readSegment<ManifestEntry>(store, epoch, Math.min(length, BEGIN_BYTES));
  assert(segment !== undefined, `a segment of epoch ${epoch} was sealed before it began`);
  return segment.begin;
}
