/** In what order the files sink brings things to the disk: a power cut takes back what was not synced. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { type FileHandle, open, stat } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { files, publishedBatches } from "millrace/sinks";
import { partitionOf } from "../../src/operators/partition.ts";
import type { PublishedSink } from "../../src/operators/sink.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";
import { commit, once } from "./save-partition.ts";

/** Calls `synced` with the inode of each file and directory when it is about to be synced. */
async function watchSyncs(
  t: TestContext,
  folder: string,
  synced: (inode: number) => void | Promise<void>,
): Promise<void> {
  const some = await open(folder, "r");
  const prototype = Object.getPrototypeOf(some) as FileHandle;
  await some.close();
  for (const name of ["sync", "datasync"] as const) {
    const real = prototype[name];
    prototype[name] = async function (this: FileHandle) {
      await synced((await this.stat()).ino);
      await real.call(this);
    };
    t.after(() => {
      prototype[name] = real;
    });
  }
}

const inodeOf = async (path: string) => (await stat(path)).ino;

test("what a batch lists is on the disk before the list is: each file, then its name", async (t) => {
  const directory = temporaryFolder(t);
  const sink = files<number>({ directory })["~sink"] as unknown as PublishedSink<number, unknown>;
  const connection = await sink.open(commit);
  await sink.fence(connection, 1, 1, commit);
  const folder = join(directory, readdirSync(directory)[0]!);
  const syncs: number[] = [];
  await watchSyncs(t, directory, (inode) => void syncs.push(inode));
  const part = await sink.writePartition(connection, partitionOf(once([1, 2])), commit);
  await sink.publishBatch(connection, [part], commit);
  await sink.close(connection);
  const epoch = join(folder, "epoch-0000000001");
  const places = [join(epoch, readdirSync(epoch)[0]!), epoch, join(folder, "epoch-0000000001.log")];
  assert.deepEqual(syncs, await Promise.all(places.map(inodeOf)));
});

test("the folder of a new driver is there after a power cut, before its manifest begins", async (t) => {
  const directory = temporaryFolder(t);
  const sink = files<number>({ directory })["~sink"] as unknown as PublishedSink<number, unknown>;
  const connection = await sink.open(commit);
  await sink.fence(connection, 1, 1, commit);
  const folder = join(directory, readdirSync(directory)[0]!);
  const inode = await inodeOf(folder);
  const wasThere: boolean[] = [];
  const epoch = join(folder, "epoch-0000000002");
  await watchSyncs(t, directory, (synced) => {
    if (synced === inode) wasThere.push(existsSync(epoch));
  });
  await sink.fence(connection, 2, 1, commit);
  await sink.close(connection);
  assert.equal(wasThere.at(-1), true);
});

test("a batch that a driver had listed and not synced when it died is on the disk before a new driver says that it is there", async (t) => {
  const directory = temporaryFolder(t);
  const sink = files<number>({ directory })["~sink"] as unknown as PublishedSink<number, unknown>;
  const connection = await sink.open(commit);
  await sink.fence(connection, 1, 1, commit);
  const folder = join(directory, readdirSync(directory)[0]!);
  const first = join(folder, "epoch-0000000001.log");
  const inode = await inodeOf(first);
  const part = await sink.writePartition(connection, partitionOf(once([1, 2])), commit);
  const before = readFileSync(first);
  let isDead = false;
  const syncs: number[] = [];
  const dying = Promise.withResolvers<void>();
  await watchSyncs(t, directory, (synced) => {
    if (isDead) return void syncs.push(synced);
    if (synced !== inode) return;
    isDead = true;
    dying.resolve();
    return new Promise<void>(() => {});
  });
  void sink.publishBatch(connection, [part], commit);
  await dying.promise;
  assert.ok(readFileSync(first).length > before.length, "the page cache has the entry");

  const next = await sink.open(commit);
  await sink.fence(next, 2, 1, commit);
  assert.equal(await sink.publishBatch(next, [part], { ...commit, epoch: 2 }), "already written");
  const second = await inodeOf(join(folder, "epoch-0000000002.log"));
  assert.ok(syncs.includes(inode), "nobody else would sync it");
  const [, begun] = [...syncs.keys()].filter((i) => syncs[i] === second);
  assert.ok(syncs.indexOf(inode) < begun!, "before the new segment says which batch was the last");
  await sink.close(next);
});

test("a disk that refuses to write the last entry once more takes nothing away", async (t) => {
  const directory = temporaryFolder(t);
  const sink = files<number>({ directory })["~sink"] as unknown as PublishedSink<number, unknown>;
  const connection = await sink.open(commit);
  await sink.fence(connection, 1, 1, commit);
  await sink.publishBatch(connection, [await sink.writePartition(connection, partitionOf(once([1])), commit)], commit);
  const folder = join(directory, readdirSync(directory)[0]!);
  const some = await open(folder, "r");
  const write = t.mock.method(Object.getPrototypeOf(some) as FileHandle, "write");
  await some.close();
  write.mock.mockImplementationOnce(async () => {
    throw Object.assign(new Error("EIO: i/o error, write"), { code: "EIO" });
  });
  await assert.rejects(sink.fence(connection, 2, 1, commit), { code: "SINK_FAILED", message: /EIO/ });
  const seqs: number[] = [];
  for await (const { seq } of publishedBatches(directory)) seqs.push(seq);
  assert.deepEqual(seqs, [1]);
  await sink.close(connection);
});
