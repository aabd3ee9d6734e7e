import { existsSync } from "node:fs";
import { mkdir, readdir, rm, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { LocalDiskStore } from "../checkpoint/local-disk.ts";
import {
  type Begin,
  type BegunSegment,
  epochsIn,
  lastBegun,
  readSegment,
  type Seal,
  SealedLog,
  segmentName,
} from "../checkpoint/sealed-log.ts";
import type { Time } from "../model/duration.ts";
import { messageOf } from "../model/error-transfer.ts";
import { assert, type MillraceError } from "../model/errors.ts";
import type { BatchCommit, OutputIdentity, SinkProgress, Written } from "../operators/sink.ts";
import { syncFolder } from "./files-disk.ts";
import type { ManifestPart } from "./files-part.ts";
import { shortHash } from "./short-hash.ts";
import { fencedAt, isStillToWrite, type Progress } from "./sink-errors.ts";

/** What a manifest says. Plain data, documented in docs/sinks.md. */
export type ManifestEntry = ManifestBegin | ManifestBatch | { readonly type: "swept" };

export interface ManifestBegin extends Begin {
  readonly checkpointId: string;
  readonly output: string;
  /** Of the last batch before this segment; seq 0 when there is none. */
  readonly seq: number;
  readonly digest: string;
  /** Earlier epochs whose folders may hold files that are in no batch. */
  readonly unswept: readonly Seal[];
}

export interface ManifestBatch {
  readonly type: "batch";
  readonly seq: number;
  readonly batchTime: Time;
  readonly digest: string;
  readonly parts: readonly ManifestPart[];
}

/** Below the sink's directory: each output of each checkpoint has a folder of its own. */
export function folderOf({ checkpointId, output }: OutputIdentity): string {
  return `${output}-${shortHash(checkpointId, output)}`;
}

/** Below that folder: the files of one epoch. */
export const epochFolder = (epoch: number) => segmentName(epoch).replace(/\.log$/, "");

const EPOCH_FOLDER = /^epoch-(\d{10})$/;

/**
 * The list of complete batches of one output: a log of sealed segments beside the files. A batch exists when the entry that lists its files is
 * durable and its writer was not replaced before.
 */
export class Manifest {
  readonly epoch: number;
  readonly #folder: string;
  readonly #store: LocalDiskStore;
  readonly #log: SealedLog<ManifestEntry>;
  #progress: Progress;
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(
    folder: string,
    store: LocalDiskStore,
    log: SealedLog<ManifestEntry>,
    { seq, digest }: { readonly seq: number; readonly digest: string },
  ) {
    this.epoch = log.epoch;
    this.#folder = folder;
    this.#store = store;
    this.#log = log;
    this.#progress = { seq, digest, epoch: log.epoch };
  }

  /** Takes over from older epochs, and removes what they have left unfinished. @throws FENCED, BAD_OPTION where no directory can be, SINK_FAILED */
  static async open(directory: string, identity: OutputIdentity, epoch: number): Promise<Manifest> {
    const folder = join(directory, folderOf(identity));
    const store = await LocalDiskStore.open(folder);
    let isOurs = false;
    try {
      const fenced = (other: number): MillraceError => fencedAt(identity.output, other, epoch);
      const highest = Math.max(0, ...(await epochsIn(store)));
      if (highest >= epoch) throw fenced(highest);
      isOurs = true;
      isOurs = await store.create(segmentName(epoch));
      if (!isOurs) throw fenced(epoch);
      const before = await lastBegun<ManifestEntry>(store, epoch);
      if (before !== undefined) await bringToDisk(store, before);
      const last = before === undefined ? { seq: 0, digest: "" } : lastBatchOf(before);
      await mkdir(join(folder, epochFolder(epoch)), { recursive: true });
      await syncFolder(folder);
      const log = new SealedLog<ManifestEntry>(store, epoch, fenced);
      const { checkpointId, output } = identity;
      const { seq, digest } = last;
      const seals = before === undefined ? null : { epoch: before.epoch, length: before.length };
      const unswept = before === undefined ? [] : [...unsweptOf(before), seals!];
      await log.append({ type: "begin", epoch, seals, checkpointId, output, seq, digest, unswept });
      const manifest = new Manifest(folder, store, log, last);
      // Not before: only now it is settled which batches exist.
      if (unswept.length > 0) await manifest.#sweep(unswept);
      return manifest;
    } catch (error) {
      // Should the disk refuse this too, the next try is taken for another driver's, and ends this one.
      if (isOurs) await takeBack(store, epoch).catch(() => {});
      await store.close();
      throw error;
    }
  }

  /** @throws FENCED, PLAN_MISMATCH, SINK_FAILED */
  publish(parts: readonly ManifestPart[], commit: BatchCommit): Promise<Written> {
    const turn = this.#turn.then(() => this.#publish(parts, commit));
    this.#turn = turn.catch(() => {});
    return turn;
  }

  async #publish(parts: readonly ManifestPart[], commit: BatchCommit): Promise<Written> {
    const folder = join(this.#folder, epochFolder(this.epoch));
    if (!isStillToWrite(commit, this.#progress)) {
      const remove = async () => {
        for (const { file } of parts) await rm(join(folder, file), { force: true });
      };
      await remove().catch((error) => this.#cannotRemove(error));
      return "already written";
    }
    assert(
      commit.epoch === this.epoch,
      `batch ${commit.seq} of epoch ${commit.epoch} is published under ${this.epoch}`,
    );
    await syncFolder(folder);
    const { seq, batchTime, digest } = commit;
    await this.#log.append({ type: "batch", seq, batchTime, digest, parts });
    this.#progress = { seq, digest, epoch: this.epoch };
    return "written";
  }

  close(): Promise<void> {
    return this.#store.close();
  }

  /** Removes the files of earlier epochs that no batch lists: of attempts that failed, of drivers that died. */
  async #sweep(unswept: readonly Seal[]): Promise<void> {
    try {
      await this.#removeUnlisted(unswept);
    } catch (error) {
      // They stay unswept: the next driver tries again.
      this.#cannotRemove(error);
      return;
    }
    await this.#log.append({ type: "swept" });
  }

  /** They are in no batch, so they hurt nobody. */
  #cannotRemove(error: unknown): void {
    const message = `Unfinished files in ${this.#folder} could not be removed; the next start tries again: ${messageOf(error)}`;
    process.emitWarning(message, "MillraceWarning");
  }

  async #removeUnlisted(unswept: readonly Seal[]): Promise<void> {
    const oldest = Math.min(...unswept.map(({ epoch }) => epoch));
    for (const name of await readdir(this.#folder)) {
      const epoch = Number(EPOCH_FOLDER.exec(name)?.[1]);
      if (!(epoch >= oldest && epoch < this.epoch)) continue;
      const sealed = unswept.find((one) => one.epoch === epoch);
      const segment = sealed && (await readSegment<ManifestEntry>(this.#store, epoch, sealed.length));
      const listed = new Set(segment && batchesOf(segment).flatMap(({ parts }) => parts.map(({ file }) => file)));
      const folder = join(this.#folder, name);
      for (const file of await readdir(folder)) if (!listed.has(file)) await rm(join(folder, file), { force: true });
      if (listed.size === 0) await rmdir(folder);
    }
  }
}

/** A segment in which nothing stands has fenced nobody for good, and whoever has created it may try again. */
async function takeBack(store: LocalDiskStore, epoch: number): Promise<void> {
  const begun = await readSegment<ManifestEntry>(store, epoch);
  if (begun === undefined) await store.delete(segmentName(epoch));
}

/**
 * Its writer may have died between writing the last entry and syncing it, or may have been refused the sync. Then the entry is read like any other, and
 * a power cut would take it back, although the new segment counts on it.
 */
function bringToDisk(store: LocalDiskStore, { epoch, last, length }: BegunSegment<ManifestEntry>): Promise<void> {
  return store.writeAgain(segmentName(epoch), { position: last, length: length - last });
}

/** What the manifests of an output say, whoever writes them. Writes nothing. */
export async function progressOf(directory: string, identity: OutputIdentity): Promise<SinkProgress | undefined> {
  const folder = join(directory, folderOf(identity));
  if (!existsSync(folder)) return undefined;
  const store = LocalDiskStore.at(folder);
  const epochs = await epochsIn(store);
  if (epochs.length === 0) return undefined;
  const last = await lastBegun<ManifestEntry>(store, Number.POSITIVE_INFINITY);
  return { seq: last === undefined ? 0 : lastBatchOf(last).seq, epoch: Math.max(...epochs) };
}

const lastBatchOf = (segment: BegunSegment<ManifestEntry>) => batchesOf(segment).at(-1) ?? segment.begin;

function unsweptOf({ begin, entries }: BegunSegment<ManifestEntry>): readonly Seal[] {
  return entries.some(({ type }) => type === "swept") ? [] : begin.unswept;
}

export function batchesOf({ entries }: BegunSegment<ManifestEntry>): ManifestBatch[] {
  return entries.filter((entry) => entry.type === "batch");
}
