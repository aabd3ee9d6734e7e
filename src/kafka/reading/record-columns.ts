import type { MillraceError } from "../../model/errors.ts";
import type { OffsetRange } from "../../model/offset-range.ts";
import { corruptRecord, type RecordBatch } from "./record-batch.ts";
import { skipHeaders } from "./record-headers.ts";
import { VarintReader } from "./varint.ts";

// A row of RecordColumns; a start below zero is Kafka's null. Not exported: what a module exports is no constant to V8.
const BODY_START = 0;
const OFFSET_DELTA = 1;
const VALUE_START = 2;
const VALUE_END = 3;
const ROW = 4;

/** A batch's records, in the buffer that was fetched or in what its compressed bytes gave. */
export interface BatchRecords {
  readonly batch: RecordBatch;
  readonly start: number;
  readonly end: number;
}

/** Where the records of some batches lie: columns instead of an object or a view per record. */
export class RecordColumns {
  length = 0;
  /** From the first byte of the first record to the last of the last. */
  start = 0;
  end = 0;
  /** Bytes above 127 between `start` and `end` that belong to no key, value or header. */
  framingBytesAbove127 = 0;
  /** {@link ROW} numbers a record: positions in the buffer, and the offset less that of the first batch. What is seldom asked for is read again. */
  readonly #places: Int32Array;
  readonly #parts: readonly BatchRecords[];
  readonly #baseOffset: number;
  readonly #bytes: Uint8Array;
  readonly #range: OffsetRange;

  /**
   * Walks `parts`, which lie in `bytes` in their order, and keeps what is in the range.
   * @throws CORRUPT_RECORD
   */
  constructor(bytes: Uint8Array, parts: readonly BatchRecords[], range: OffsetRange) {
    let capacity = 0;
    for (const { batch } of parts) capacity += batch.count;
    this.#places = new Int32Array(capacity * ROW);
    this.#parts = parts;
    this.#baseOffset = parts[0]?.batch.baseOffset ?? 0;
    this.#bytes = bytes;
    this.#range = range;
    for (const part of parts) this.#add(part);
  }

  offset(index: number): number {
    return this.#baseOffset + this.#places[index * ROW + OFFSET_DELTA]!;
  }

  timestamp(index: number): number {
    const offset = this.offset(index);
    const { batch } = this.#parts.findLast((part) => part.batch.baseOffset <= offset)!;
    return batch.isLogAppendTime ? batch.timestamp : batch.timestamp + this.#fieldsOf(index).long();
  }

  /** At the length of a key, below zero for Kafka's null; behind that it is where the key starts. */
  keyField(index: number): VarintReader {
    const fields = this.#fieldsOf(index);
    fields.skip(); // time stamp
    fields.int(); // offset
    return fields;
  }

  valueStart(index: number): number {
    return this.#places[index * ROW + VALUE_START]!;
  }

  valueEnd(index: number): number {
    return this.#places[index * ROW + VALUE_END]!;
  }

  /** At the first field of a record that varies: its time stamp. */
  #fieldsOf(index: number): VarintReader {
    return new VarintReader(this.#bytes, this.#places[index * ROW + BODY_START]! + 1);
  }

  #add({ batch, start, end }: BatchRecords): void {
    const bytes = this.#bytes;
    const varints = new VarintReader(bytes, start);
    const places = this.#places;
    const firstDelta = this.#range.fromOffset - batch.baseOffset;
    const endDelta = this.#range.untilOffset - batch.baseOffset;
    const lastDelta = batch.lastOffset - batch.baseOffset;
    const shift = batch.baseOffset - this.#baseOffset;
    let index = this.length;
    let above127 = this.framingBytesAbove127;
    if (index > 0) above127 += this.#bytesAbove127(this.end, start);
    let previousDelta = -1;
    let position = start;
    let isPastRange = false;
    for (let record = 0; record < batch.count; record++) {
      varints.position = position;
      const length = varints.int();
      const bodyStart = varints.position;
      const recordEnd = bodyStart + length;
      if (length < 6 || recordEnd > end) throw corruptIn(batch, "the length of a record makes no sense", this.#range);
      varints.position++; // attributes, which nobody uses yet
      varints.skip(); // time stamp
      const offsetDelta = varints.int();
      const keyLength = varints.int();
      if (keyLength > 0) varints.position += keyLength;
      const valueLength = varints.int();
      const valueStart = varints.position;
      if (valueLength > 0) varints.position += valueLength;
      const valueEnd = varints.position;
      const headerCount = varints.int();
      // Every byte of a number but its last is above 127. Six numbers, one of them before the body, and the attributes.
      let framing = varints.position - position - Math.max(0, keyLength) - (valueEnd - valueStart) - 7;
      if (headerCount !== 0) {
        const headers = new VarintReader(bytes, varints.position);
        framing += skipHeaders(headers, headerCount, recordEnd);
        varints.position = headers.position;
      }
      if (varints.position !== recordEnd || keyLength < -1 || valueLength < -1) {
        throw corruptIn(batch, "the fields of a record do not fit its length", this.#range);
      }
      if (offsetDelta <= previousDelta || offsetDelta > lastDelta) {
        throw corruptIn(batch, "the offset of a record makes no sense", this.#range);
      }
      previousDelta = offsetDelta;
      isPastRange = offsetDelta >= endDelta;
      if (isPastRange) break;
      if (offsetDelta >= firstDelta) {
        if (index === 0) this.start = position;
        const row = index * ROW;
        places[row + BODY_START] = bodyStart;
        places[row + OFFSET_DELTA] = offsetDelta + shift;
        places[row + VALUE_START] = valueLength < 0 ? -1 : valueStart;
        places[row + VALUE_END] = valueEnd;
        above127 += framing + (bytes[bodyStart]! >>> 7);
        index++;
      }
      position = recordEnd;
    }
    if (position !== end && !isPastRange) {
      throw corruptIn(batch, "there are bytes behind the last record", this.#range);
    }
    this.length = index;
    this.end = position;
    this.framingBytesAbove127 = above127;
  }

  /** Of what lies between two parts: headers and batches that are left out, or nothing when they were decompressed. */
  #bytesAbove127(start: number, end: number): number {
    let count = 0;
    for (let position = start; position < end; position++) count += this.#bytes[position]! >>> 7;
    return count;
  }
}

function corruptIn(batch: RecordBatch, what: string, range: OffsetRange): MillraceError {
  return corruptRecord(`the record batch is corrupt: ${what}`, batch.baseOffset, range);
}
