import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { compressFrameSync } from "lz4-napi";
import { decompress } from "../../src/kafka/reading/compression.ts";
import { content } from "./arbitrary-content.ts";
import { type FrameOptions, lz4Frame, uint32, xxh32 } from "./lz4-frames.ts";

const LZ4 = 3;

const frameOptions: fc.Arbitrary<FrameOptions> = fc.record({
  blockSize: fc.constantFrom(4, 5, 6, 7),
  linked: fc.boolean(),
  blockChecksums: fc.boolean(),
  contentChecksum: fc.boolean(),
  contentSize: fc.boolean(),
  bytesPerBlock: fc.constantFrom(1_000, 64 * 1024),
});

test("LZ4 frames of any producer are read: linked blocks, checksums, sizes, blocks that are not compressed", () => {
  fc.assert(
    fc.property(content, frameOptions, (bytes, options) => {
      const frame = lz4Frame(bytes, options);
      assert.deepEqual(Buffer.from(decompress(LZ4, frame)), bytes);
    }),
    { numRuns: 100 },
  );
  for (const [contentChecksum, blockChecksums] of [
    [true, true],
    [true, false],
    [false, true],
  ] as const) {
    const bytes = Buffer.from("what lz4-napi writes ".repeat(20_000));
    const frame = compressFrameSync(bytes, { contentChecksum, blockChecksums });
    assert.deepEqual(Buffer.from(decompress(LZ4, frame)), bytes);
  }
});

test("xxHash gives what its authors say", () => {
  const hash = (text: string) => xxh32(Buffer.from(text), 0, Buffer.byteLength(text));
  assert.deepEqual(
    [hash(""), hash("a"), hash("abc"), hash("Nobody inspects the spammish repetition")],
    [0x02cc5d05, 0x550d7456, 0x32d153ff, 0xe2293b2f],
  );
});

test("a match that is nearer than it is long repeats itself, at every distance", () => {
  for (let distance = 1; distance <= 40; distance++) {
    for (const length of [4, 5, 15, 16, 17, 31, 33, 300]) {
      const pattern = Buffer.from(Array.from({ length: distance }, (_, i) => i + 1));
      const bytes = Buffer.concat([Buffer.alloc(distance + length, pattern), Buffer.from("ends!")]);
      const options = { blockSize: 4, linked: false, blockChecksums: false, contentChecksum: false };
      const frame = lz4Frame(bytes, { ...options, contentSize: false, bytesPerBlock: 64 * 1024 });
      assert.deepEqual(Buffer.from(decompress(LZ4, frame)), bytes);
    }
  }
});

/** A frame with one block: 64 KiB at most, no checksums. */
const frameOf = (block: number[], length = block.length) =>
  Buffer.concat([Buffer.from("04224d18604082", "hex"), uint32(length), Buffer.from(block), uint32(0)]);

/** The start of a block: a byte many times, six bytes fewer than one holds. */
const almostFull = [0x1f, 0x61, 0x01, 0x00, ...Array(256).fill(255), 65_530 - 1 - 19 - 256 * 255];

/** Where a frame is cut off behind a block, the records that are missing tell. */
test("an LZ4 frame that makes no sense is refused", () => {
  const good = lz4Frame(Buffer.from("some text, some text, some text, some text"), {
    ...{ blockSize: 4, linked: true, blockChecksums: true, contentChecksum: true, contentSize: true },
    bytesPerBlock: 20,
  });
  const withDictionary = Buffer.concat([Buffer.from("04224d186140", "hex"), uint32(7), Buffer.from([0]), uint32(0)]);
  withDictionary[10] = (xxh32(withDictionary, 4, 10) >>> 8) & 0xff;
  const malformed: Record<string, Buffer> = {
    "another magic": Buffer.from("04224d19604082", "hex"),
    "another version": Buffer.from("04224d18a04082", "hex"),
    "a block size that does not exist": Buffer.from("04224d18603082", "hex"),
    "a wrong checksum of the descriptor": Buffer.from("04224d1860408300000000", "hex"),
    "a dictionary": withDictionary,
    "no content checksum": good.subarray(0, -4),
    "a wrong content checksum": Buffer.concat([good.subarray(0, -1), Buffer.from([good.at(-1)! ^ 1])]),
    "a block beyond the frame": frameOf([0x10, 0x61], 100),
    "a block that is larger than blocks are": frameOf(Array(70_000).fill(0x61), 70_000),
    "a block that is not compressed, and larger than blocks are": frameOf(Array(70_000).fill(0x61), 2 ** 31 + 70_000),
    "a block without a byte of sense": frameOf([0x00, 0x01, 0x00]),
    "a literal that is cut off": frameOf([0x50, 0x61]),
    "a literal whose length is cut off": frameOf([0xf0, 255, 255]),
    "a match before the first byte": frameOf([0x10, 0x61, 0x02, 0x00, 0x00]),
    "a match that is far before the first byte": frameOf([0xf4, 5, ...Array(20).fill(0x61), 21, 0, 0x10, 0x61]),
    "a literal beyond what a block holds": frameOf([...almostFull, 0xe0, ...Array(14).fill(0x61)]),
    "a match beyond what a block holds": frameOf([...almostFull, 0x0c, 16, 0, 0x00]),
    "a match at no distance": frameOf([0x10, 0x61, 0x00, 0x00, 0x00]),
    "a match whose distance is cut off": frameOf([0x10, 0x61, 0x01]),
    "a match whose length is cut off": frameOf([0x1f, 0x61, 0x01, 0x00, 255]),
    "a match as the last thing": frameOf([0x10, 0x61, 0x01, 0x00]),
    "more than a block holds": frameOf([0x1f, 0x61, 0x01, 0x00, ...Array(258).fill(255), 0, 0x00]),
  };
  for (const [what, frame] of Object.entries(malformed)) {
    assert.throws(() => decompress(LZ4, frame), what);
  }
  assert.equal(Buffer.from(decompress(LZ4, frameOf([0x10, 0x61]))).toString(), "a");
  assert.equal(decompress(LZ4, frameOf([...almostFull, 0x60, ...Array(6).fill(0x61)])).length, 64 * 1024);
});

test("an LZ4 frame that says how much it holds holds that, and a later frame is not read into it", () => {
  const write = (text: string, contentSize: boolean, linked = false) =>
    lz4Frame(Buffer.from(text), {
      ...{ blockSize: 4, linked, blockChecksums: false, contentChecksum: false, contentSize },
      bytesPerBlock: 100,
    });
  const lying = write("x".repeat(50), true);
  lying.writeUInt32LE(51, 6);
  lying[14] = (xxh32(lying, 4, 14) >>> 8) & 0xff;
  assert.throws(() => decompress(LZ4, lying), /length/i);

  const independent = write("0123456789".repeat(30), false, true);
  independent[4] = 0x60; // its blocks are linked, but it says they are not
  independent[6] = 0x82;
  assert.throws(() => decompress(LZ4, independent), /offset/i);
});
