const PRIME_1 = 0x9e3779b1;
const PRIME_2 = 0x85ebca77;
const PRIME_3 = 0xc2b2ae3d;
const PRIME_4 = 0x27d4eb2f;
const PRIME_5 = 0x165667b1;

/** How a producer may write an LZ4 frame. */
export interface FrameOptions {
  /** 4 to 7: 64 KiB, 256 KiB, 1 MiB, 4 MiB. */
  readonly blockSize: number;
  /** Matches reach back into the blocks before. */
  readonly linked: boolean;
  readonly blockChecksums: boolean;
  readonly contentChecksum: boolean;
  readonly contentSize: boolean;
  /** A block holds no more, though it might. */
  readonly bytesPerBlock: number;
}

const MIN_MATCH = 4;
const LAST_LITERALS = 5;

/** An LZ4 frame, whichever way its options say; as small as a plain search for matches makes it. */
export function lz4Frame(content: Buffer, options: FrameOptions): Buffer {
  const { blockSize, linked, blockChecksums, contentChecksum, contentSize, bytesPerBlock } = options;
  const flags =
    0b0100_0000 |
    (linked ? 0 : 0b10_0000) |
    (blockChecksums ? 0b1_0000 : 0) |
    (contentSize ? 0b1000 : 0) |
    (contentChecksum ? 0b100 : 0);
  const size = Buffer.alloc(contentSize ? 8 : 0);
  if (contentSize) size.writeBigUInt64LE(BigInt(content.length));
  const descriptor = Buffer.concat([Buffer.from([flags, blockSize << 4]), size]);
  const parts = [uint32(0x184d2204), descriptor, Buffer.from([(xxh32(descriptor, 0, descriptor.length) >>> 8) & 0xff])];
  for (let start = 0; start < content.length; start += bytesPerBlock) {
    const end = Math.min(start + bytesPerBlock, content.length);
    const compressed = lz4Block(content, start, end, linked ? 0 : start);
    const isSmaller = compressed.length < end - start;
    const block = isSmaller ? compressed : content.subarray(start, end);
    parts.push(uint32((isSmaller ? 0 : 2 ** 31) + block.length), block);
    if (blockChecksums) parts.push(uint32(xxh32(block, 0, block.length)));
  }
  parts.push(uint32(0));
  if (contentChecksum) parts.push(uint32(xxh32(content, 0, content.length)));
  return Buffer.concat(parts);
}

function lz4Block(content: Buffer, start: number, end: number, windowStart: number): Buffer {
  const bytes: number[] = [];
  const places = new Map<number, number>();
  const lastKey = Math.min(start - 1, content.length - MIN_MATCH);
  for (let at = Math.max(windowStart, start - 0xffff); at <= lastKey; at++) places.set(content.readUInt32LE(at), at);
  let literal = start;
  let at = start;
  while (at + MIN_MATCH + LAST_LITERALS <= end) {
    const key = content.readUInt32LE(at);
    const found = places.get(key);
    places.set(key, at);
    if (found === undefined || at - found > 0xffff) {
      at++;
      continue;
    }
    let length = MIN_MATCH;
    while (at + length < end - LAST_LITERALS && content[found + length] === content[at + length]) length++;
    writeSequence(bytes, content.subarray(literal, at), { distance: at - found, length });
    at += length;
    literal = at;
  }
  writeSequence(bytes, content.subarray(literal, end));
  return Buffer.from(bytes);
}

function writeSequence(bytes: number[], literal: Buffer, match?: { distance: number; length: number }): void {
  const extra = match === undefined ? 0 : match.length - MIN_MATCH;
  bytes.push((Math.min(literal.length, 15) << 4) | Math.min(extra, 15));
  writeRest(bytes, literal.length);
  for (const byte of literal) bytes.push(byte);
  if (match === undefined) return;
  bytes.push(match.distance & 0xff, match.distance >>> 8);
  writeRest(bytes, extra);
}

function writeRest(bytes: number[], length: number): void {
  if (length < 15) return;
  let rest = length - 15;
  for (; rest >= 255; rest -= 255) bytes.push(255);
  bytes.push(rest);
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

/** The checksum of LZ4 frames: xxHash with 32 bits and the seed 0. */
export function xxh32(bytes: Uint8Array, start: number, end: number): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let position = start;
  let hash = PRIME_5;
  if (end - start >= 16) {
    let a = (PRIME_1 + PRIME_2) | 0;
    let b = PRIME_2 | 0;
    let c = 0;
    let d = -PRIME_1 | 0;
    for (; end - position >= 16; position += 16) {
      a = round(a, view.getInt32(position, true));
      b = round(b, view.getInt32(position + 4, true));
      c = round(c, view.getInt32(position + 8, true));
      d = round(d, view.getInt32(position + 12, true));
    }
    hash = rotated(a, 1) + rotated(b, 7) + rotated(c, 12) + rotated(d, 18);
  }
  hash = (hash + (end - start)) | 0;
  for (; end - position >= 4; position += 4) {
    hash = Math.imul(rotated((hash + Math.imul(view.getInt32(position, true), PRIME_3)) | 0, 17), PRIME_4);
  }
  for (; position < end; position++) {
    hash = Math.imul(rotated((hash + Math.imul(view.getUint8(position), PRIME_5)) | 0, 11), PRIME_1);
  }
  hash = Math.imul(hash ^ (hash >>> 15), PRIME_2);
  hash = Math.imul(hash ^ (hash >>> 13), PRIME_3);
  return (hash ^ (hash >>> 16)) >>> 0;
}

const round = (lane: number, word: number) => Math.imul(rotated((lane + Math.imul(word, PRIME_2)) | 0, 13), PRIME_1);
const rotated = (word: number, by: number) => (word << by) | (word >>> (32 - by));
