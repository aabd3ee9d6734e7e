import { crc32c } from "@node-rs/crc32";
import type { SliceableBuffer } from "../../src/decoders/index.ts";
import { decompress } from "../../src/kafka/reading/compression.ts";

const HEADER_BYTES = 61;
/** Below what V8 calls a large object, which would halve the speed. */
const TEXT_BYTES = 64 * 1024;

/** Some values: `text.substring(places[i], places[i + 1])` for each even `i` below `end`. */
export type UseValues = (text: string, places: Int32Array, end: number) => void;

/** Where a text is written as UTF-8, which tells its length in half the time that asking for it takes. Nobody reads it. */
const written = Buffer.allocUnsafeSlow(4 * TEXT_BYTES);

const places = new Int32Array(2 * 64 * 1024);
/** How much of {@link places} is filled. */
let filled = 0;
/** Bytes above 127 in the text that are no part of a value. */
let framingAbove127 = 0;

/** Walks the whole batches between `start` and `end` and hands on their values, several batches at a time. Only for ASCII. */
export function walkBatches(buffer: SliceableBuffer, start: number, end: number, use: UseValues): void {
  let textStart = start;
  let position = start;
  while (end - position > HEADER_BYTES) {
    const batchEnd = position + 12 + buffer.readInt32BE(position + 8);
    if (batchEnd > end) break;
    if (crc32c(buffer.subarray(position + 21, batchEnd)) !== buffer.readUInt32BE(position + 17)) {
      throw new Error("a batch is corrupt");
    }
    const count = buffer.readInt32BE(position + 57);
    const codec = buffer[position + 22]! & 7;
    if (codec !== 0) {
      // As the engine does it: no faster way is known. Lent until the next batch.
      const records = decompress(codec, buffer.subarray(position + HEADER_BYTES, batchEnd)) as SliceableBuffer;
      walk(records, 0, 0, records.length, count);
      flush(records, 0, records.length, use);
    } else {
      if (batchEnd - textStart > TEXT_BYTES && position > textStart) {
        flush(buffer, textStart, position, use);
        textStart = position;
      }
      for (let i = position; i < position + HEADER_BYTES; i++) framingAbove127 += buffer[i]! >>> 7;
      walk(buffer, textStart, position + HEADER_BYTES, batchEnd, count);
    }
    position = batchEnd;
  }
  if (filled > 0) flush(buffer, textStart, position, use);
}

/** Notes where each value of a batch lies. */
function walk(bytes: Uint8Array, textStart: number, start: number, end: number, count: number): void {
  if (places.length < filled + 2 * count) throw new Error("more values than the limit has room for");
  const into = places;
  let next = filled;
  let framing = 0;
  let position = start;
  for (let record = 0; record < count; record++) {
    const recordStart = position;
    while (bytes[position++]! > 0x7f); // length
    position++; // attributes
    while (bytes[position++]! > 0x7f); // timestamp delta
    while (bytes[position++]! > 0x7f); // offset delta
    position++; // no key
    let byte = bytes[position++]!;
    let length = byte & 0x7f;
    for (let shift = 7; byte > 0x7f; shift += 7) {
      byte = bytes[position++]!;
      length |= (byte & 0x7f) << shift;
    }
    length >>>= 1;
    into[next] = position - textStart;
    into[next + 1] = position - textStart + length;
    next += 2;
    // Of each number only the last byte is below 128; so are the attributes.
    framing += position - recordStart - 6;
    position += length + 1;
  }
  if (position !== end) throw new Error("the limit reads only records without keys and headers");
  filled = next;
  framingAbove127 += framing;
}

function flush(buffer: SliceableBuffer, start: number, end: number, use: UseValues): void {
  const text = buffer.latin1Slice(start, end);
  if (written.write(text) - text.length !== framingAbove127) throw new Error("the limit reads only ASCII");
  use(text, places, filled);
  filled = 0;
  framingAbove127 = 0;
}
