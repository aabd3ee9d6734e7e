import { crc32c } from "@node-rs/crc32";
import { systemClock } from "../../model/clock.ts";
import { BATCH_HEADER_BYTES } from "../reading/record-batch.ts";
import { COMPRESSIONS, type Compression, compress } from "./compress.ts";

/** Below the megabyte that brokers take by default, also when compression gains nothing. */
const BATCH_BYTES = 900_000;
/** The fields of a record apart from key and value are not longer. */
const MOST_FRAMING_BYTES = 32;
const CRC_AT = 17;
const ATTRIBUTES_AT = 21;
const PRODUCER_AT = 43;
const IS_TRANSACTIONAL = 16;

/** A record batch (magic 2) that is complete but for its producer: that one is another in each attempt. */
export interface EncodedBatch {
  readonly bytes: Buffer;
  readonly count: number;
}

/** Whose transaction a batch belongs to. */
export interface ProducerIdentity {
  readonly id: number;
  readonly epoch: number;
}

/** Encodes the records of one partition into batches, in one buffer that grows. All records of a batch have one timestamp. */
export class BatchEncoder {
  readonly #compression: Compression;
  readonly #finished: EncodedBatch[] = [];
  #buffer = Buffer.allocUnsafe(16 * 1024);
  #end = BATCH_HEADER_BYTES;
  #count = 0;

  constructor(compression: Compression) {
    this.#compression = compression;
  }

  /** @returns the bytes that it takes, or a few more. */
  add(key: Uint8Array | null, value: Uint8Array | null): number {
    const most = (key?.length ?? 0) + (value?.length ?? 0) + MOST_FRAMING_BYTES;
    if (this.#count > 0 && this.#end + most > BATCH_BYTES) this.#finishBatch();
    this.#reserve(most);
    const offsetDelta = this.#count++;
    const keyBytes = lengthOfVarint(key?.length ?? -1) + (key?.length ?? 0);
    const valueBytes = lengthOfVarint(value?.length ?? -1) + (value?.length ?? 0);
    // Attributes, timestamp delta and header count are a zero byte each.
    this.#varint(3 + lengthOfVarint(offsetDelta) + keyBytes + valueBytes);
    this.#buffer[this.#end++] = 0;
    this.#buffer[this.#end++] = 0;
    this.#varint(offsetDelta);
    this.#bytes(key);
    this.#bytes(value);
    this.#buffer[this.#end++] = 0;
    return most;
  }

  finish(): readonly EncodedBatch[] {
    if (this.#count > 0) this.#finishBatch();
    return this.#finished;
  }

  #finishBatch(): void {
    const records = compress(this.#compression, this.#buffer.subarray(BATCH_HEADER_BYTES, this.#end));
    const bytes = Buffer.allocUnsafe(BATCH_HEADER_BYTES + records.length);
    records.copy(bytes, BATCH_HEADER_BYTES);
    const timestamp = BigInt(systemClock.now());
    bytes.writeBigInt64BE(0n, 0); // the broker sets the base offset
    bytes.writeInt32BE(bytes.length - 12, 8);
    bytes.writeInt32BE(-1, 12); // leader epoch
    bytes.writeInt8(2, 16);
    bytes.writeInt16BE(COMPRESSIONS.indexOf(this.#compression) | IS_TRANSACTIONAL, ATTRIBUTES_AT);
    bytes.writeInt32BE(this.#count - 1, 23);
    bytes.writeBigInt64BE(timestamp, 27);
    bytes.writeBigInt64BE(timestamp, 35);
    bytes.writeInt32BE(this.#count, 57);
    this.#finished.push({ bytes, count: this.#count });
    this.#end = BATCH_HEADER_BYTES;
    this.#count = 0;
  }

  #bytes(bytes: Uint8Array | null): void {
    this.#varint(bytes?.length ?? -1);
    if (bytes === null) return;
    this.#buffer.set(bytes, this.#end);
    this.#end += bytes.length;
  }

  #varint(value: number): void {
    let rest = zigzag(value);
    while (rest > 0x7f) {
      this.#buffer[this.#end++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.#buffer[this.#end++] = rest;
  }

  #reserve(bytes: number): void {
    if (this.#end + bytes <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#end + bytes));
    this.#buffer.copy(larger, 0, 0, this.#end);
    this.#buffer = larger;
  }
}

/** Names the producer in a batch; `sequence` is the number of records it wrote to the partition before. */
export function signBatch({ bytes }: EncodedBatch, producer: ProducerIdentity, sequence: number): Buffer {
  bytes.writeBigInt64BE(BigInt(producer.id), PRODUCER_AT);
  bytes.writeInt16BE(producer.epoch, PRODUCER_AT + 8);
  bytes.writeInt32BE(sequence, PRODUCER_AT + 10);
  bytes.writeUInt32BE(crc32c(bytes.subarray(ATTRIBUTES_AT)), CRC_AT);
  return bytes;
}

const zigzag = (value: number) => ((value << 1) ^ (value >> 31)) >>> 0;

function lengthOfVarint(value: number): number {
  let length = 1;
  for (let rest = zigzag(value) >>> 7; rest > 0; rest >>>= 7) length++;
  return length;
}
