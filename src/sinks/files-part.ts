import { randomUUID } from "node:crypto";
import { type FileHandle, open, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Partition } from "../operators/partition.ts";
import type { PartitionCommit } from "../operators/sink.ts";
import { onDisk } from "./files-disk.ts";
import type { FileFormat } from "./files-format.ts";

/** One file of a batch, as its manifest lists it. */
export interface ManifestPart {
  readonly file: string;
  readonly partition: number;
  readonly records: number;
  readonly bytes: number;
}

/**
 * Writes a partition to a file of its own, durably. Nobody reads it before it is listed, and no two attempts have the same name.
 * @returns null when there is nothing to write
 */
export async function writePart<T>(
  folder: string,
  partition: Partition<T>,
  commit: PartitionCommit,
  format: FileFormat<T>,
): Promise<ManifestPart | null> {
  const chunks = partition.chunks()[Symbol.asyncIterator]();
  const first = await chunks.next();
  if (first.done === true) return null;
  const name = `batch-${padded(commit.seq, 10)}-part-${padded(commit.partition, 5)}-${randomUUID().slice(0, 8)}.${format.extension}`;
  const path = join(folder, name);
  const file = await onDisk(folder, () => open(path, "wx"));
  let records = 0;
  async function* counted() {
    for (let next = first; next.done !== true; next = await chunks.next()) {
      commit.signal.throwIfAborted();
      records += next.value.length;
      yield next.value;
    }
  }
  try {
    const bytes = await writeAll(file, folder, format.encode(counted()));
    await onDisk(folder, () => file.sync());
    await onDisk(folder, () => file.close());
    return { file: name, partition: commit.partition, records, bytes };
  } catch (error) {
    await file.close().catch(() => {});
    await rm(path, { force: true }).catch(() => {});
    throw error;
  }
}

async function writeAll(file: FileHandle, folder: string, pieces: AsyncIterable<Uint8Array>): Promise<number> {
  let written = 0;
  for await (const piece of pieces) {
    // writeFile writes all of it, from where the file stands.
    await onDisk(folder, () => file.writeFile(piece));
    written += piece.length;
  }
  return written;
}

const padded = (number: number, digits: number) => String(number).padStart(digits, "0");
