import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import type { Random } from "../../bench/data/random.ts";
import { type Files, type OpenFile, REAL_FILES } from "../../src/checkpoint/files.ts";

/** What a disk can do to one request. */
export type DiskFault = "EIO" | "ENOSPC" | "short write";

/** Asked before each request; what it returns happens to it, what it throws ends it. */
export type BeforeDisk = (step: "write" | "sync") => DiskFault | undefined;

/**
 * A disk that remembers what was synced. A process that is killed leaves its unsynced writes to the page cache, and the next one reads them as
 * if nothing had happened; so what is synced is kept apart, in a folder beside, and {@link powerCut} takes the rest away.
 */
export function faultDisk(folder: string, before: BeforeDisk = () => undefined): Files {
  const durable = durableOf(folder);
  mkdirSync(durable.contents, { recursive: true });
  mkdirSync(durable.names, { recursive: true });
  return {
    ...REAL_FILES,
    async open(path, flags) {
      const file = await REAL_FILES.open(path, flags);
      // What is above the folder is not on this disk.
      if (!path.startsWith(folder)) return file;
      return path === folder ? directory(file) : regular(file, path);
    },
  };

  function regular(file: OpenFile, path: string): OpenFile {
    let full = false;
    const sync = async () => {
      if (before("sync") === "EIO") throw diskError("EIO");
      await file.sync();
      keep(path, join(durable.contents, basename(path)));
    };
    return {
      read: (...args) => file.read(...args),
      truncate: (length) => file.truncate(length),
      close: () => file.close(),
      sync,
      datasync: sync,
      async write(bytes, offset, length, position) {
        if (full) throw diskError("ENOSPC");
        const fault = before("write");
        if (fault === "EIO") throw diskError(fault);
        full = fault === "ENOSPC";
        return file.write(bytes, offset, fault === undefined ? length : Math.ceil(length / 2), position);
      },
    };
  }

  function directory(file: OpenFile): OpenFile {
    const sync = async () => {
      await file.sync();
      for (const name of readdirSync(folder)) writeFileSync(join(durable.names, name), "");
      for (const name of readdirSync(durable.names)) {
        if (!existsSync(join(folder, name)))
          for (const kept of [durable.names, durable.contents]) drop(join(kept, name));
      }
    };
    return {
      read: (...args) => file.read(...args),
      write: (...args) => file.write(...args),
      truncate: (length) => file.truncate(length),
      close: () => file.close(),
      sync,
      datasync: sync,
    };
  }
}

/**
 * What a power cut leaves of a folder that was written through a {@link faultDisk}: all that was synced; of the rest anything. New files
 * whose directory was not synced may be gone, deleted ones may be back.
 */
export function powerCut(folder: string, random: Random): void {
  const durable = durableOf(folder);
  const names = new Set([...readdirSync(folder), ...readdirSync(durable.names)]);
  for (const name of [...names].sort()) {
    const path = join(folder, name);
    const kept = join(durable.contents, name);
    const synced = existsSync(kept) ? readFileSync(kept) : Buffer.alloc(0);
    const named = existsSync(join(durable.names, name));
    if (!existsSync(path)) {
      if (random.below(2) === 0) writeFileSync(path, synced);
    } else if (!named && random.below(2) === 0) {
      rmSync(path);
    } else {
      writeFileSync(path, remains(synced, readFileSync(path), random));
    }
  }
}

const SECTOR = 512;

/** Files here only grow: what is behind the synced bytes arrives as a whole, in part, sector by sector in any order, or not at all. */
function remains(synced: Buffer, written: Buffer, random: Random): Buffer {
  if (written.length <= synced.length) return random.below(2) === 0 ? synced : written;
  const left = Buffer.from(written);
  switch (random.below(4)) {
    case 0:
      return synced;
    case 1:
      return left.subarray(0, synced.length + random.below(written.length - synced.length + 1));
    case 2:
      for (let at = synced.length; at < left.length; ) {
        const end = Math.min(left.length, at - (at % SECTOR) + SECTOR);
        if (random.below(2) === 0) left.fill(0, at, end);
        at = end;
      }
      return left;
    default:
      return left;
  }
}

const durableOf = (folder: string) => ({
  contents: join(`${folder}.synced`, "contents"),
  names: join(`${folder}.synced`, "names"),
});

/** In one step, so that a kill leaves the old or the new. */
function keep(from: string, to: string): void {
  copyFileSync(from, `${to}.new`);
  renameSync(`${to}.new`, to);
}

const drop = (path: string) => rmSync(path, { force: true });

const diskError = (code: "EIO" | "ENOSPC") => Object.assign(new Error(`${code}: the disk of a test`), { code });
