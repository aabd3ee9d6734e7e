import assert from "node:assert/strict";
import { appendFile, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { defineJob, runJob } from "millrace";
import {
  type BatchCommit,
  type FileFormat,
  files,
  jsonLines,
  type PublishedBatch,
  type PublishedSink,
  publishedBatches,
  type Sink,
} from "millrace/sinks";
import { sinkContract } from "millrace/testing";
import { encodeEntry } from "../../src/checkpoint/framing.ts";
import { partitionOf } from "../../src/operators/partition.ts";

const root = await mkdtemp(join(tmpdir(), "millrace-files-"));
after(() => rm(root, { recursive: true, force: true }));
let count = 0;
const newDirectory = () => join(root, String(++count));

async function batchesIn(directory: string): Promise<PublishedBatch[]> {
  const batches: PublishedBatch[] = [];
  for await (const batch of publishedBatches(directory)) batches.push(batch);
  return batches;
}

async function linesIn(directory: string): Promise<unknown[]> {
  const values: unknown[] = [];
  for await (const batch of publishedBatches(directory)) {
    for (const { path, records, bytes } of batch.files) {
      const text = await readFile(path, "utf8");
      const lines = text.split("\n").slice(0, -1);
      assert.deepEqual([lines.length, Buffer.byteLength(text)], [records, bytes]);
      values.push(...lines.map((line) => JSON.parse(line)));
    }
  }
  return values;
}

sinkContract<string>(
  (name, run) => test(`files: ${name}`, run),
  async () => {
    const directory = newDirectory();
    return {
      sink: files<string>({ directory }),
      value: (n) => `value ${n}\n`,
      stored: async () => (await linesIn(directory)) as string[],
    };
  },
);

const identity = { checkpointId: "checkpoint", appName: "test", output: "values" };

/** A driver and its executor, as the engine uses the sink. */
async function driver<T>(sink: Sink<T>, epoch: number) {
  const definition = sink["~sink"] as PublishedSink<T, unknown>;
  const connection = await definition.open(identity);
  const commitOf = (seq: number): BatchCommit => ({
    ...identity,
    seq,
    epoch,
    batchTime: seq * 1000,
    numPartitions: 1,
    digest: `plan ${seq}`,
    offsetRanges: [],
    signal: new AbortController().signal,
  });
  const write = (seq: number, values: readonly T[]) => {
    const once = (async function* () {
      yield values;
    })();
    return definition.writePartition(connection, partitionOf(once), { ...commitOf(seq), partition: 0 });
  };
  return {
    fence: () => definition.fence(connection, epoch, 1, identity),
    write,
    async save(seq: number, values: readonly T[]) {
      return await definition.publishBatch(connection, [await write(seq, values)], commitOf(seq));
    },
    close: () => definition.close(connection),
  };
}

const outputFolder = async (directory: string) => join(directory, (await readdir(directory))[0]!);

test("what attempts that failed and drivers that died have left is removed at the next start, and nothing else", async () => {
  const directory = newDirectory();
  const sink = files<number>({ directory });
  const first = await driver(sink, 1);
  await first.fence();
  await first.write(1, [1]);
  await first.save(1, [1]);
  await first.write(2, [2]);
  await first.close();
  const folder = await outputFolder(directory);
  const of = async (epoch: number) => (await readdir(join(folder, `epoch-000000000${epoch}`))).length;
  assert.equal(await of(1), 3);

  const second = await driver(sink, 2);
  await second.fence();
  assert.equal(await of(1), 1);
  await second.write(2, [2]);
  await second.close();
  const third = await driver(sink, 3);
  await third.fence();
  await third.save(2, [2]);
  await third.close();
  assert.deepEqual(await readdir(folder), [
    "epoch-0000000001",
    "epoch-0000000001.log",
    "epoch-0000000002.log",
    "epoch-0000000003",
    "epoch-0000000003.log",
  ]);
  assert.deepEqual(await linesIn(directory), [1, 2]);
});

test("what was not swept, because the driver died before, is swept by the one after it", async () => {
  const directory = newDirectory();
  const sink = files<number>({ directory });
  const first = await driver(sink, 1);
  await first.fence();
  await first.write(1, [1]);
  await first.save(1, [1]);
  await first.close();
  const folder = await outputFolder(directory);
  const log = await readFile(join(folder, "epoch-0000000001.log"));
  // As a driver leaves it that dies right after it has begun.
  const begin = {
    type: "begin",
    epoch: 2,
    seals: { epoch: 1, length: log.length },
    ...identity,
    seq: 1,
    digest: "plan 1",
  };
  await writeFile(
    join(folder, "epoch-0000000002.log"),
    encodeEntry({ ...begin, unswept: [{ epoch: 1, length: log.length }] }),
  );
  const third = await driver(sink, 3);
  await third.fence();
  assert.equal(await third.save(1, [1]), "already written");
  await third.save(2, [2]);
  await third.close();
  assert.equal((await readdir(join(folder, "epoch-0000000001"))).length, 1);
  assert.equal((await readdir(join(folder, "epoch-0000000003"))).length, 1);
  assert.deepEqual(await linesIn(directory), [1, 2]);
});

test("a driver that could not fence for what the disk refused fences when the cause is gone: it is no other driver", async () => {
  const directory = newDirectory();
  const first = await driver(files<number>({ directory }), 1);
  await first.fence();
  await first.save(1, [1]);
  await first.close();
  const inTheWay = join(await outputFolder(directory), "epoch-0000000002");
  await writeFile(inTheWay, "");
  const second = await driver(files<number>({ directory }), 2);
  await assert.rejects(second.fence(), { code: "SINK_FAILED" });
  await rm(inTheWay);
  await second.fence();
  await second.save(2, [2]);
  await second.close();
  assert.deepEqual(await linesIn(directory), [1, 2]);
});

test("what a replaced driver lists after it was sealed off does not exist, for readers and for drivers", async () => {
  const directory = newDirectory();
  const sink = files<number>({ directory });
  const first = await driver(sink, 1);
  await first.fence();
  await first.save(1, [1]);
  await first.close();
  const second = await driver(sink, 2);
  await second.fence();
  const late = { type: "batch", seq: 2, batchTime: 2000, digest: "plan 2", parts: [{ file: "gone", partition: 0 }] };
  await appendFile(join(await outputFolder(directory), "epoch-0000000001.log"), encodeEntry(late));
  assert.deepEqual(await linesIn(directory), [1]);
  assert.equal(await second.save(2, [2]), "written");
  await second.close();
  assert.deepEqual(await linesIn(directory), [1, 2]);
});

test("readers wait with a batch of which it is not settled whether it came before the next driver", async () => {
  const directory = newDirectory();
  const sink = files<number>({ directory });
  const first = await driver(sink, 1);
  await first.fence();
  await first.save(1, [1]);
  await first.save(2, [2]);
  await first.close();
  await writeFile(join(await outputFolder(directory), "epoch-0000000002.log"), "");
  assert.deepEqual(await linesIn(directory), [1]);
  const third = await driver(sink, 3);
  await third.fence();
  assert.deepEqual(await linesIn(directory), [1, 2]);
  await third.close();
});

test("encode makes a line of each value, or bytes that are written as they are", async () => {
  const encoded = async (encode: (value: number) => string | Uint8Array) => {
    const directory = newDirectory();
    const one = await driver(files<number>({ directory, encode }), 1);
    await one.fence();
    await one.save(1, [1, 2]);
    await one.close();
    const [batch] = await batchesIn(directory);
    const { path, records } = batch!.files[0]!;
    assert.match(path, /\.txt$/);
    return [await readFile(path, "utf8"), records];
  };
  assert.deepEqual(await encoded((n) => `number ${n}`), ["number 1\nnumber 2\n", 2]);
  assert.deepEqual(await encoded((n) => Buffer.from(`<${n}>`)), ["<1><2>", 2]);
  await assert.rejects(
    encoded((n) => n as never),
    /encode returned number, not a text or bytes/,
  );
});

test("a format of one's own has its head and foot, and its extension", async () => {
  const directory = newDirectory();
  const format: FileFormat<number> = {
    extension: "txt",
    async *encode(values) {
      yield Buffer.from("head\n");
      for await (const some of values) yield Buffer.from(some.join("\n"));
      yield Buffer.from("\nfoot");
    },
  };
  const one = await driver(files<number>({ directory, format }), 1);
  await one.fence();
  await one.save(1, [1, 2]);
  await one.close();
  for await (const { files: published, ...batch } of publishedBatches(directory)) {
    assert.deepEqual(batch, { checkpointId: "checkpoint", output: "values", seq: 1, batchTime: 1000 });
    assert.match(published[0]!.path, /batch-0000000001-part-00000-[0-9a-f]{8}\.txt$/);
    assert.equal(published[0]!.records, 2);
    assert.equal(await readFile(published[0]!.path, "utf8"), "head\n1\n2\nfoot");
  }
});

test("a job writes each batch as one file per partition that has values", async () => {
  const directory = newDirectory();
  const job = defineJob(
    { appName: "words", batchInterval: "20ms", master: "local", trigger: "availableNow" },
    (ssc) => {
      ssc
        .queueStream([["a", "b", "c", "d"], [], ["e"]], { numPartitions: 2 })
        .saveTo(files({ directory }), { name: "some-words" });
    },
  );
  await (await runJob(job)).awaitTermination();
  const batches = await batchesIn(directory);
  assert.deepEqual(
    batches.map(({ output, seq, files }) => [output, seq, files.map(({ partition, records }) => [partition, records])]),
    [
      [
        "some-words",
        1,
        [
          [0, 2],
          [1, 2],
        ],
      ],
      ["some-words", 2, []],
      ["some-words", 3, [[1, 1]]],
    ],
  );
  assert.deepEqual(await linesIn(directory), ["a", "b", "c", "d", "e"]);
});

test("values that JSON cannot hold, a place that is a file, and options that make no sense are said with what to do", async () => {
  const directory = newDirectory();
  const one = await driver(files<unknown>({ directory }), 1);
  await one.fence();
  await assert.rejects(one.save(1, [undefined]), { name: "TypeError", message: /JSON cannot hold undefined/ });
  assert.deepEqual(await readdir(join(await outputFolder(directory), "epoch-0000000001")), []);
  await one.close();

  const file = newDirectory();
  await writeFile(file, "");
  for (const place of [file, join(file, "below")]) {
    const other = await driver(files<number>({ directory: place }), 1);
    await assert.rejects(other.fence(), { code: "BAD_OPTION", message: /ENOTDIR/, hint: /must be a directory/ });
  }
  await assert.rejects(batchesIn(file), { code: "SINK_FAILED" });

  assert.throws(() => files({} as never), { code: "BAD_OPTION" });
  const encode = (value: string) => value;
  assert.throws(() => files({ directory, encode, format: jsonLines() }), { code: "BAD_OPTION", hint: /one of them/ });
  assert.throws(() => files({ directory, format: { extension: "a/b", encode: (v: never) => v } }), {
    code: "BAD_OPTION",
  });
  assert.throws(() => files({ directory: new URL("http://host/") }), { code: "BAD_OPTION" });
});
