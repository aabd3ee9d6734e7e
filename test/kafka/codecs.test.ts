import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { crc32c } from "@node-rs/crc32";
import fc from "fast-check";
import { compressSync as snappyCompressSync } from "snappy";
import { encodeBatch } from "../../bench/data/record-batch.ts";
import { bytes as asBytes, resolveDecoder, type SliceableBuffer } from "../../src/decoders/index.ts";
import { decompressorOf, gzip, zstd } from "../../src/kafka/reading/codecs/zlib-context.ts";
import { decompress } from "../../src/kafka/reading/compression.ts";
import { decodeBatches } from "../../src/kafka/reading/decode-batches.ts";
import { findBatches } from "../../src/kafka/reading/record-batch.ts";
import type { RecordChunk } from "../../src/kafka/reading/record-chunk.ts";
import { COMPRESSIONS, type Compression, compress } from "../../src/kafka/writing/compress.ts";
import { valuesOf } from "../helpers/chunk-values.ts";
import { content } from "./arbitrary-content.ts";

const GZIP = 1;
const SNAPPY = 2;
const ZSTD = 4;
const place = { topic: "t", partition: 3 };
const codecs = COMPRESSIONS.filter((name) => name !== "none");
const numberOf = (codec: Compression) => COMPRESSIONS.indexOf(codec);

test("what each codec's library compresses is decompressed as it was, whatever came before", () => {
  fc.assert(
    fc.property(fc.constantFrom(...codecs), content, (codec, bytes) => {
      assert.deepEqual(Buffer.from(decompress(numberOf(codec), compress(codec, bytes))), bytes);
    }),
    { numRuns: 300 },
  );
});

test("snappy in blocks, as Java writes it, and in sizes that lie", () => {
  const xerial = (...blocks: Buffer[]) =>
    Buffer.concat([
      Buffer.from("82534e41505059000000000100000001", "hex"),
      ...blocks.flatMap((block) => [uint32(block.length), block]),
    ]);
  const [one, two] = [Buffer.from("one ".repeat(9_000)), Buffer.from("two ".repeat(9_000))];
  const blocks = [snappyCompressSync(one), snappyCompressSync(two)];
  assert.deepEqual(decompress(SNAPPY, xerial(...blocks)), Buffer.concat([one, two]));
  assert.deepEqual(decompress(SNAPPY, xerial()), Buffer.alloc(0));
  assert.throws(() => decompress(SNAPPY, xerial(...blocks).subarray(0, -1)), /cut off/);
  assert.throws(() => decompress(SNAPPY, Buffer.from([0xff, 0xff, 0xff, 0xff, 0x0f, 0x00, 0x61])), /too large a size/);
  assert.throws(() => decompress(SNAPPY, Buffer.alloc(0)));
});

test("gzip in several members and zstd by blocks are read, and neither when it is cut off", () => {
  const bytes = Buffer.from("some words, ".repeat(30_000));
  assert.deepEqual(
    decompress(GZIP, Buffer.concat([gzipSync(bytes), gzipSync("x")])),
    Buffer.concat([bytes, Buffer.from("x")]),
  );
  assert.deepEqual(decompress(ZSTD, zstdCompressSync(bytes)), bytes);
  for (const [codec, compressed] of [
    [GZIP, gzipSync(bytes)],
    [ZSTD, zstdCompressSync(bytes)],
  ] as const) {
    for (const length of [0, 1, 5, compressed.length - 1]) {
      assert.throws(() => decompress(codec, compressed.subarray(0, length)), /unexpected end of file/);
      assert.deepEqual(decompress(codec, compressed), bytes, "the next one is not the rest of it");
    }
  }
});

test("output that fills its room to the last byte is whole", () => {
  for (const length of [64 * 1024, 128 * 1024, 1024 * 1024]) {
    const bytes = Buffer.alloc(length, "abcdefg");
    for (const codec of codecs)
      assert.deepEqual(Buffer.from(decompress(numberOf(codec), compress(codec, bytes))), bytes);
  }
});

test("on a Node whose native objects nobody has looked at, its own functions decompress", () => {
  const bytes = Buffer.from("some words, ".repeat(30_000));
  const isKept = (decompress: (compressed: Buffer) => Uint8Array, compressed: Buffer) => {
    const [first, second] = [decompress(compressed), decompress(compressed)];
    assert.deepEqual([first, second], [bytes, bytes]);
    return first.buffer === second.buffer;
  };
  const changed = { ...gzip, createStream: () => ({ _handle: { reset() {} } }) };
  assert.deepEqual(
    [decompressorOf(gzip), decompressorOf(gzip, "99.0.0"), decompressorOf(changed)].map((d) =>
      isKept(d, gzipSync(bytes)),
    ),
    [true, false, false],
  );
  assert.deepEqual(
    [decompressorOf(zstd), decompressorOf(zstd, "99.0.0")].map((d) => isKept(d, zstdCompressSync(bytes))),
    [true, false],
  );
});

test("the memory that one enormous batch needs is not kept", () => {
  for (const codec of codecs) {
    const enormous = compress(codec, Buffer.alloc(20 * 2 ** 20, "enormous"));
    assert.equal(decompress(numberOf(codec), enormous).length, 20 * 2 ** 20);
    const { buffer } = decompress(numberOf(codec), compress(codec, Buffer.from("small")));
    assert.ok(buffer.byteLength <= 8 * 2 ** 20, codec);
  }
});

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

const raw = resolveDecoder(asBytes);

/** What a broker would give for some batches, one after the other from offset 0. */
function chunksOf(batches: readonly Buffer[]): Generator<RecordChunk<Uint8Array | null, Uint8Array | null>> {
  let offset = 0n;
  for (const batch of batches) {
    batch.writeBigInt64BE(offset, 0);
    offset += BigInt(batch.readInt32BE(57));
  }
  const buffer = Buffer.concat(batches) as SliceableBuffer;
  const log = { code: 0, throttleTimeMs: 0, highWatermark: 1e6, lastStableOffset: 1e6, abortedTransactions: [] };
  const fetched = { ...log, buffer, recordsStart: 0, recordsEnd: buffer.length };
  const range = { ...place, fromOffset: 0, untilOffset: Number(offset) };
  return decodeBatches(fetched, findBatches(fetched, 0, place).batches, range, { key: raw, value: raw });
}

/** One record a batch, with that value. */
function batchOf(value: string, codec: Compression): Buffer {
  const body = Buffer.concat([Buffer.from([0, 0, 0, 1]), varint(value.length), Buffer.from(value), Buffer.from([0])]);
  return encodeBatch({ bytes: Buffer.concat([varint(body.length), body]), count: 1 }, codec, 1);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value * 2;
  for (; rest > 0x7f; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  return Buffer.from([...bytes, rest]);
}

test("values stay what they are while later batches, and those of other tasks, are decompressed", () => {
  const value = (codec: string, task: number, batch: number) => `${codec} ${task} ${batch} `.repeat(3_000);
  const tasks = [0, 1, 2].map((task) => {
    const codec = (batch: number) => codecs[(batch + task) % codecs.length]!;
    const names = Array.from({ length: 60 }, (_, batch) => value(codec(batch), task, batch));
    return {
      names,
      chunks: chunksOf(names.map((name, batch) => batchOf(name, codec(batch)))),
      found: [] as Uint8Array[],
    };
  });
  for (let isMore = true; isMore; ) {
    isMore = false;
    for (const { chunks, found } of tasks) {
      const { done, value: chunk } = chunks.next();
      if (done) continue;
      isMore = true;
      for (const record of valuesOf(chunk)) found.push(record.value!);
    }
  }
  for (const { names, found } of tasks) {
    assert.deepEqual(
      found.map((bytes) => Buffer.from(bytes).toString()),
      names,
    );
  }
});

test("small batches share a chunk, and a batch that is larger than a chunk is one", () => {
  const sizes = (batches: Buffer[]) => Array.from(chunksOf(batches), ({ length, buffer }) => [length, buffer.length]);
  const small = Array.from({ length: 100 }, () => batchOf("small", "lz4"));
  assert.deepEqual(
    sizes(small).map(([length]) => length),
    [100],
  );
  const [first, second, third, ...more] = sizes([
    batchOf("small", "zstd"),
    batchOf("x".repeat(200_000), "zstd"),
    batchOf("small", "zstd"),
  ]);
  assert.deepEqual([first?.[0], second?.[0], third?.[0], more], [1, 1, 1, []]);
  assert.ok(second![1]! < 201_000, "no room that is not needed");
});

test("a batch whose compressed bytes make no sense is an error with topic, partition and offset, and harms no other", () => {
  const noise = fc.uint8Array({ minLength: 1, maxLength: 40 });
  const damage = fc.oneof(
    fc.tuple(fc.nat(), noise).map(([at, bytes]) => (good: Buffer) => {
      const start = at % good.length;
      return Buffer.concat([good.subarray(0, start), bytes, good.subarray(start + bytes.length)]);
    }),
    fc.nat().map((at) => (good: Buffer) => good.subarray(0, at % good.length)),
    noise.map((bytes) => () => Buffer.from(bytes)),
  );
  const value = `${"a value, another value. ".repeat(60)}${crypto.getRandomValues(new Uint8Array(100)).join()}`;
  let refused = 0;
  fc.assert(
    fc.property(fc.constantFrom(...codecs), damage, (codec, spoil) => {
      const good = batchOf(value, codec);
      const bad = withPayload(good, spoil(good.subarray(61)));
      const values: string[] = [];
      try {
        for (const chunk of chunksOf([bad])) for (const { value } of valuesOf(chunk)) values.push(String(value));
        // It was damage that is no damage, such as to a flag that nobody reads, or has made another text of the same shape.
        assert.equal(values.length, 1);
      } catch (error) {
        refused++;
        assert.equal((error as { code?: string }).code, "CORRUPT_RECORD", String(error));
        assert.match((error as Error).message, /^At offset 0 of t-3 the record batch /);
      }
      const [chunk] = chunksOf([good]);
      assert.equal(Buffer.from(chunk!.valueAt(0)!).toString(), value);
    }),
    { numRuns: 2_000 },
  );
  assert.ok(refused > 1_500, `only ${refused} of 2000 were refused`);
});

/** The same batch around other compressed bytes, with the checksum that fits: as a faulty producer would write it. */
function withPayload(batch: Buffer, payload: Buffer): Buffer {
  const changed = Buffer.concat([batch.subarray(0, 61), payload]);
  changed.writeInt32BE(changed.length - 12, 8);
  changed.writeUInt32BE(crc32c(changed.subarray(21)), 17);
  return changed;
}
