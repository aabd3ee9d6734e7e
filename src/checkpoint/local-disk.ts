import { dirname, join } from "node:path";
import { makeDirectories } from "../model/directories.ts";
import { MillraceError } from "../model/errors.ts";
import { type Files, type OpenFile, REAL_FILES } from "./files.ts";
import type { CheckpointStore } from "./store.ts";

/** Segments as files of one directory. For a local disk: network file systems do not keep what O_EXCL and fsync promise here. */
export class LocalDiskStore implements CheckpointStore {
  readonly place: string;
  readonly #files: Files;
  readonly #open = new Map<string, OpenFile>();
  #broken: MillraceError | undefined;

  private constructor(directory: string, files: Files) {
    this.place = directory;
    this.#files = files;
  }

  /** For reading what is there. */
  static at(directory: string): LocalDiskStore {
    return new LocalDiskStore(directory, REAL_FILES);
  }

  /** Makes the directory when there is none. @throws BAD_OPTION where none can be, CHECKPOINT_UNUSABLE */
  static async open(directory: string, files: Files = REAL_FILES): Promise<LocalDiskStore> {
    const store = new LocalDiskStore(directory, files);
    await store.#guard("made", async () => {
      const made = await makeDirectories(directory, (path) => files.mkdir(path));
      for (const one of made.toReversed()) await store.#syncDirectory(dirname(one));
    });
    // What was there already may be a file.
    await store.#guard("opened", () => files.readdir(directory));
    return store;
  }

  async create(name: string): Promise<boolean> {
    try {
      const file = await this.#files.open(join(this.place, name), "wx");
      await file.sync().finally(() => file.close());
      await this.#syncDirectory(this.place);
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
      throw this.#unusable("written", error);
    }
  }

  async append(name: string, position: number, bytes: Uint8Array): Promise<void> {
    if (this.#broken) throw this.#broken;
    const file = await this.#file(name);
    try {
      await writeAll(file, position, bytes);
    } catch (error) {
      const failure = this.#unusable("written", error);
      // A half entry in the middle of a segment would look like damage.
      await file.truncate(position).catch(() => {
        this.#broken = failure;
      });
      throw failure;
    }
    try {
      await file.datasync();
    } catch (error) {
      // After a failed fsync nobody knows what is on the disk, and a second one may say that all is well.
      this.#broken = this.#unusable("synced", error);
      throw this.#broken;
    }
  }

  /**
   * Writes what lies there once more, and syncs it: a sync alone does nothing after one that failed. When it fails nothing is cut off, as these are the same
   * bytes.
   */
  async writeAgain(name: string, part: { position: number; length: number }): Promise<void> {
    const bytes = await this.read(name, part);
    const file = await this.#file(name);
    await this.#guard("written", async () => {
      await writeAll(file, part.position, bytes);
      await file.datasync();
    });
  }

  read(name: string, part?: { position: number; length: number }): Promise<Uint8Array> {
    const path = join(this.place, name);
    return this.#guard("read", () => (part === undefined ? this.#files.readFile(path) : this.#readPart(path, part)));
  }

  list(): Promise<string[]> {
    return this.#guard("read", () => this.#files.readdir(this.place));
  }

  async delete(name: string): Promise<void> {
    await this.#guard("written", () => this.#files.rm(join(this.place, name), { force: true }));
  }

  async close(): Promise<void> {
    const files = [...this.#open.values()];
    this.#open.clear();
    await Promise.all(files.map((file) => file.close()));
  }

  async #file(name: string): Promise<OpenFile> {
    let file = this.#open.get(name);
    if (file === undefined) {
      file = await this.#guard("written", () => this.#files.open(join(this.place, name), "r+"));
      this.#open.set(name, file);
    }
    return file;
  }

  async #readPart(path: string, { position, length }: { position: number; length: number }): Promise<Uint8Array> {
    const file = await this.#files.open(path, "r");
    try {
      const bytes = new Uint8Array(length);
      let done = 0;
      while (done < length) {
        const { bytesRead } = await file.read(bytes, done, length - done, position + done);
        if (bytesRead === 0) break;
        done += bytesRead;
      }
      return bytes.subarray(0, done);
    } finally {
      await file.close();
    }
  }

  /** What was made in a directory is there after a power cut only when the directory is synced too. */
  async #syncDirectory(path: string): Promise<void> {
    const directory = await this.#files.open(path, "r");
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
  }

  async #guard<R>(done: string, work: () => Promise<R>): Promise<R> {
    try {
      return await work();
    } catch (error) {
      throw this.#unusable(done, error);
    }
  }

  #unusable(done: string, error: unknown): MillraceError {
    const { code = "", message } = error as NodeJS.ErrnoException;
    const isNoPlaceForIt = (done === "made" || done === "opened") && NO_DIRECTORY.has(code);
    return new MillraceError(
      isNoPlaceForIt ? "BAD_OPTION" : "CHECKPOINT_UNUSABLE",
      `The checkpoint in ${this.place} cannot be ${done}: ${message}`,
      {
        hint:
          (done === "made" ? HINTS_OF_MAKING : HINTS)[code] ??
          "The cause tells what the disk said. Nothing that was completed is lost; start again when it is mended.",
        cause: error,
      },
    );
  }
}

/** Neither is nor will be one there: another start would find the same. */
const NO_DIRECTORY: ReadonlySet<string> = new Set(["ENOTDIR", "ENOENT"]);

async function writeAll(file: OpenFile, position: number, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
}

const HINTS: { readonly [code: string]: string } = {
  ENOSPC: "The disk is full. Make room and start again: nothing that was completed is lost.",
  EACCES: "Give this user the right to write there, or choose another checkpointDirectory.",
  EROFS: "The file system is read-only. Choose another checkpointDirectory.",
  ENOTDIR: "checkpointDirectory must be a directory, not a file.",
};

const HINTS_OF_MAKING: typeof HINTS = {
  ...HINTS,
  ENOENT: "No directory can be made there. Choose another checkpointDirectory, on a local disk.",
  ENOTDIR: "Something above it is a file. Choose another checkpointDirectory.",
};
