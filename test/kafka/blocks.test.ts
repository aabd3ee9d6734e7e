import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { compressFrameSync, decompressFrameSync } from "lz4-napi";
import { compressSync, uncompressSync } from "snappy";
import { assemble, binaryOf, texts } from "../../dev/assemble.ts";
import { decompress } from "../../src/kafka/reading/compression.ts";
import { content } from "./arbitrary-content.ts";
import { lz4Frame } from "./lz4-frames.ts";

const SNAPPY = 2;
const LZ4 = 3;

test("each WebAssembly module is what its text says: otherwise run npm run assemble", () => {
  assert.ok(texts.length > 0);
  for (const text of texts) {
    assert.ok(assemble(text).equals(readFileSync(join(import.meta.dirname, "../..", binaryOf(text)))), text);
  }
});

/** A tag of snappy, and what it does to the output. A distance wraps round at what is there. */
const element = fc.oneof(
  fc.record({ literal: fc.uint8Array({ minLength: 1, maxLength: 90 }), lengthBytes: fc.nat(4) }),
  fc.record({
    distance: fc.nat(0xffff),
    length: fc.integer({ min: 1, max: 64 }),
    offsetBytes: fc.constantFrom(1, 2, 4),
  }),
);

function snappyBlock(elements: readonly (typeof element extends fc.Arbitrary<infer E> ? E : never)[]) {
  const output: number[] = [];
  const block: number[] = [];
  for (const element of elements) {
    if ("literal" in element) {
      const { literal } = element;
      const lengthBytes = literal.length > 60 ? Math.max(1, element.lengthBytes) : element.lengthBytes;
      block.push((lengthBytes === 0 ? literal.length - 1 : 59 + lengthBytes) << 2);
      block.push(...littleEndian(literal.length - 1, lengthBytes), ...literal);
      output.push(...literal);
    } else if (output.length > 0) {
      const { offsetBytes } = element;
      const offset = 1 + (element.distance % Math.min(output.length, offsetBytes === 1 ? 2047 : output.length));
      const length = offsetBytes === 1 ? 4 + (element.length % 8) : element.length;
      if (offsetBytes === 1) block.push(((offset >> 8) << 5) | ((length - 4) << 2) | 1, offset & 0xff);
      else block.push(((length - 1) << 2) | (offsetBytes === 2 ? 2 : 3), ...littleEndian(offset, offsetBytes));
      for (let i = 0; i < length; i++) output.push(output[output.length - offset]!);
    }
  }
  const size = output.length < 128 ? [output.length] : [(output.length & 0x7f) | 0x80, output.length >> 7];
  return { block: Buffer.from([...size, ...block]), output: Buffer.from(output) };
}

const littleEndian = (value: number, bytes: number) =>
  Array.from({ length: bytes }, (_, i) => (value >>> (8 * i)) & 0xff);

test("every kind of snappy's literals and copies is decoded, at every distance and length", () => {
  fc.assert(
    fc.property(fc.array(element, { maxLength: 120 }), (elements) => {
      const { block, output } = snappyBlock(elements);
      assert.deepEqual(decompress(SNAPPY, block), output);
    }),
    { numRuns: 1_000 },
  );
});

test("a snappy block that reaches before its start, or makes more or less than it says, is refused", () => {
  const literal = Array.from({ length: 20 }, (_, i) => i);
  const block = (length: number, offset: number) =>
    Buffer.from([length, 19 << 2, ...literal, (19 << 2) | 2, offset, 0]);
  assert.deepEqual(decompress(SNAPPY, block(40, 20)), Buffer.from([...literal, ...literal]));
  for (const [length, offset] of [
    [40, 21],
    [40, 0],
    [39, 20],
    [41, 20],
    [41, 1],
  ] as const) {
    assert.throws(() => decompress(SNAPPY, block(length, offset)), /makes no sense/, `${length} ${offset}`);
  }
});

test("a snappy block whose last literal or copy is cut off, or says more than four bytes hold, is refused", () => {
  const literal = Array.from({ length: 20 }, (_, i) => i);
  const block = (length: number, ...behind: number[]) => Buffer.from([length, 19 << 2, ...literal, ...behind]);
  const far = [0xf0, 0xff, 0xff, 0xff];
  assert.equal(decompress(SNAPPY, block(25, 4 << 2, 1, 2, 3, 4, 5)).length, 25);
  for (const [what, bad] of Object.entries({
    "a literal": block(25, 4 << 2, 1, 2),
    "a literal of none": block(25, 4 << 2),
    "a literal whose length is behind the tag": block(81, 60 << 2, 60, 1, 2),
    "a distance": block(40, (19 << 2) | 2, 20),
    "a distance that is negative as a number with a sign": block(40, (19 << 2) | 3, ...far),
    "a literal that is empty when its length overflows": block(20, 63 << 2, 255, 255, 255, 255),
  })) {
    assert.throws(() => decompress(SNAPPY, bad), /makes no sense/, what);
  }
});

/** The decoders write beyond the end: where the output ends close to that of the memory, there is room all the same. */
test("a block is decoded wherever its output ends in the memory", () => {
  // So that what is kept from before is given up, and the memory grows from its smallest.
  decompress(SNAPPY, compressSync(Buffer.alloc(20 * 2 ** 20)));
  for (let length = 30_000; length < 65_000; length += 16) {
    // A literal that is copied byte by byte, and one of 17, which takes 64.
    const bytes = Buffer.alloc(length + 17, "some words, ");
    const size = [(bytes.length & 0x7f) | 0x80, ((bytes.length >> 7) & 0x7f) | 0x80, bytes.length >> 14];
    const first = Buffer.from([...size, 61 << 2, ...littleEndian(length - 1, 2)]);
    const last = Buffer.from([16 << 2, ...bytes.subarray(length)]);
    const block = Buffer.concat([first, bytes.subarray(0, length), last]);
    assert.ok(bytes.equals(decompress(SNAPPY, block)), `${length}`);
  }
});

const damage = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 3 });

function damaged(good: Buffer, changes: readonly (readonly [at: number, byte: number])[], cut: number): Buffer {
  const bad = Buffer.from(good.subarray(0, good.length - (cut % 3 === 0 ? cut % good.length : 0)));
  for (const [at, byte] of changes) bad[at % bad.length] = byte;
  return bad;
}

function attempt(decode: () => Uint8Array): Buffer | "refused" {
  try {
    return Buffer.from(decode());
  } catch {
    return "refused";
  }
}

test("what is damaged is refused, or decoded to what the packages for snappy and LZ4 make of it", () => {
  let refused = 0;
  fc.assert(
    fc.property(content, damage, fc.nat(), (bytes, changes, cut) => {
      const snappy = damaged(compressSync(bytes), changes, cut);
      const lz4 = damaged(compressFrameSync(bytes), changes, cut);
      for (const [own, packages] of [
        [
          attempt(() => decompress(SNAPPY, snappy)),
          attempt(() => uncompressSync(snappy, { copyOutputData: true }) as Buffer),
        ],
        [attempt(() => decompress(LZ4, lz4)), attempt(() => decompressFrameSync(lz4))],
      ] as const) {
        if (own === "refused") refused++;
        assert.deepEqual(own, packages);
      }
    }),
    { numRuns: 1_000 },
  );
  assert.ok(refused > 500, `${refused} of 2000`);
});

test("LZ4 as Kafka's own producer writes it is decoded in memory that is kept, in one block or several", () => {
  const options = { blockSize: 4, linked: false, blockChecksums: false, contentChecksum: false, contentSize: false };
  for (const length of [1, 100, 70_000, 300_000]) {
    const bytes = Buffer.concat([
      Buffer.alloc(length, "words and more words "),
      crypto.getRandomValues(Buffer.alloc(length % 999)),
    ]);
    const frame = lz4Frame(bytes, { ...options, bytesPerBlock: 64 * 1024 });
    const first = decompress(LZ4, frame);
    assert.deepEqual(first, bytes);
    assert.equal(decompress(LZ4, frame).buffer, first.buffer);
  }
});
