import { crc32c } from "@node-rs/crc32";
import { COMPRESSIONS, type Compression, compress } from "../../src/kafka/writing/compress.ts";
import { LONGEST_VALUE_BYTES, type WriteValue } from "./records.ts";

/** Written as Kafka's own producer does with its defaults: about 16 KiB a batch before compression. */
const BATCH_BYTES = 16 * 1024;
const HEADER_BYTES = 61;
const CRC_COVERS_FROM = 21;
/** Of a record without key and headers, at most. */
const RECORD_OVERHEAD_BYTES = 20;

export type Codec = Compression;
export const codecNames = COMPRESSIONS;

/** The records of one batch, not yet compressed. */
export interface Records {
  readonly bytes: Buffer;
  readonly count: number;
}

/** At most `limit` records, as many as a batch holds, and at least one. */
export function nextRecords(writeValue: WriteValue, limit: number, longest = LONGEST_VALUE_BYTES): Records {
  const bytes = Buffer.allocUnsafe(BATCH_BYTES + longest + RECORD_OVERHEAD_BYTES);
  const value = Buffer.allocUnsafe(longest);
  let end = 0;
  let count = 0;
  while (count < limit && (count === 0 || end < BATCH_BYTES - longest)) {
    const valueBytes = writeValue(value, 0);
    const before = varintBytes(count) + varintBytes(valueBytes);
    end = writeVarint(bytes, end, 1 + 1 + before + 1 + valueBytes + 1);
    bytes[end++] = 0; // attributes
    bytes[end++] = 0; // timestamp delta
    end = writeVarint(bytes, end, count);
    end = writeVarint(bytes, end, -1); // no key
    end = writeVarint(bytes, end, valueBytes);
    end += value.copy(bytes, end, 0, valueBytes);
    bytes[end++] = 0; // no headers
    count++;
  }
  return { bytes: bytes.subarray(0, end), count };
}

/** A record batch (magic 2). The broker sets its base offset. */
export function encodeBatch({ bytes, count }: Records, codec: Codec, timestamp: number): Buffer {
  const records = compress(codec, bytes);
  const batch = Buffer.alloc(HEADER_BYTES + records.length);
  batch.writeInt32BE(batch.length - 12, 8);
  batch.writeInt32BE(-1, 12);
  batch[16] = 2;
  batch.writeInt16BE(COMPRESSIONS.indexOf(codec), 21);
  batch.writeInt32BE(count - 1, 23);
  batch.writeBigInt64BE(BigInt(timestamp), 27);
  batch.writeBigInt64BE(BigInt(timestamp), 35);
  batch.writeBigInt64BE(-1n, 43);
  batch.writeInt16BE(-1, 51);
  batch.writeInt32BE(-1, 53);
  batch.writeInt32BE(count, 57);
  records.copy(batch, HEADER_BYTES);
  batch.writeUInt32BE(crc32c(batch.subarray(CRC_COVERS_FROM)), 17);
  return batch;
}

function writeVarint(target: Buffer, position: number, value: number): number {
  let rest = ((value << 1) ^ (value >> 31)) >>> 0;
  let end = position;
  while (rest > 0x7f) {
    target[end++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  target[end++] = rest;
  return end;
}

function varintBytes(value: number): number {
  return value < 64 ? 1 : value < 8192 ? 2 : value < 1 << 20 ? 3 : 4;
}
