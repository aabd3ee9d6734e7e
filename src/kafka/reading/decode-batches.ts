import type { SliceableBuffer } from "../../decoders/decoder.ts";
import type { OffsetRange } from "../../model/offset-range.ts";
import { decompress } from "./compression.ts";
import type { FetchedPartition } from "./fetch.ts";
import { corruptRecord, type RecordBatch } from "./record-batch.ts";
import { RecordChunk, type RecordDecoders } from "./record-chunk.ts";
import { type BatchRecords, RecordColumns } from "./record-columns.ts";
import { TransactionFilter } from "./transaction-filter.ts";

/**
 * Measured: large enough that a chunk costs nothing per record, and small enough that its text stays below what V8 calls a large
 * object (128 KiB), which costs half the speed. It is also what a string that outlives its chunk pins.
 */
const CHUNK_BYTES = 96 * 1024;
const MAX_OFFSET_DELTA = 2 ** 31 - 1;
/** A record has at least a length, attributes, two deltas, two lengths and a header count. */
const SMALLEST_RECORD_BYTES = 7;

/**
 * The records of a range in what was fetched, in chunks.
 * @throws CORRUPT_RECORD
 */
export function* decodeBatches<K, V>(
  fetched: FetchedPartition,
  batches: readonly RecordBatch[],
  range: OffsetRange,
  decoders: RecordDecoders<K, V>,
): Generator<RecordChunk<K, V>> {
  const filter = new TransactionFilter(fetched.abortedTransactions);
  let group: BatchGroup | undefined;
  for (let index = 0; index < batches.length; index++) {
    const batch = batches[index]!;
    if (batch.baseOffset >= range.untilOffset) break;
    if (!filter.accepts(batch, fetched.buffer) || batch.lastOffset < range.fromOffset || batch.count === 0) continue;
    const bytes = batch.codec === 0 ? undefined : decompressed(batch, fetched.buffer, range);
    // Room is made for so many.
    if (batch.count * SMALLEST_RECORD_BYTES > (bytes?.length ?? batch.end - batch.recordsStart)) {
      throw corruptRecord("the record batch is corrupt: its number of records makes no sense", batch.baseOffset, range);
    }
    let full: BatchGroup | undefined;
    if (!group?.canTake(batch, bytes)) {
      full = group;
      group = bytes === undefined ? new BatchGroup(fetched.buffer) : withRoomFor(bytes, batches.length - index);
    }
    // Before anybody else runs, who might decompress too: the bytes are lent.
    group.take(batch, bytes);
    const chunk = full?.chunk(range, decoders);
    if (chunk !== undefined) yield chunk;
  }
  const last = group?.chunk(range, decoders);
  if (last !== undefined) yield last;
}

/** Batches that make one chunk: uncompressed ones as they lie in the response, or some that are decompressed into one buffer. */
class BatchGroup {
  readonly #buffer: SliceableBuffer;
  readonly #parts: BatchRecords[] = [];
  #bytes = 0;

  constructor(buffer: SliceableBuffer) {
    this.#buffer = buffer;
  }

  canTake(batch: RecordBatch, decompressed: Uint8Array | undefined): boolean {
    const first = this.#parts[0]?.batch;
    const limit = decompressed === undefined ? CHUNK_BYTES : this.#buffer.length;
    return (
      first === undefined ||
      (this.#bytes + sizeOf(batch, decompressed) <= limit &&
        batch.isLogAppendTime === first.isLogAppendTime &&
        batch.lastOffset - first.baseOffset <= MAX_OFFSET_DELTA &&
        (batch.codec === 0) === (first.codec === 0))
    );
  }

  take(batch: RecordBatch, decompressed: Uint8Array | undefined): void {
    const start = this.#bytes;
    this.#bytes += sizeOf(batch, decompressed);
    if (decompressed === undefined) {
      this.#parts.push({ batch, start: batch.recordsStart, end: batch.end });
    } else {
      this.#parts.push({ batch, start, end: this.#bytes });
      this.#buffer.set(decompressed, start);
    }
  }

  /** Undefined when none of them is in the range. */
  chunk<K, V>(range: OffsetRange, decoders: RecordDecoders<K, V>): RecordChunk<K, V> | undefined {
    const buffer = this.#buffer;
    const columns = new RecordColumns(buffer, this.#parts, range);
    if (columns.length === 0) return undefined;
    const timestampType = this.#parts[0]?.batch.isLogAppendTime ? "LogAppendTime" : "CreateTime";
    return new RecordChunk(range, timestampType, buffer, columns, decoders);
  }
}

/** For as many batches as there may be, if they are like the first, but not for more than a chunk takes. */
function withRoomFor(decompressed: Uint8Array, batches: number): BatchGroup {
  const expected = Math.ceil(decompressed.length * batches * 1.125);
  const room = Math.max(decompressed.length, Math.min(expected, CHUNK_BYTES));
  return new BatchGroup(Buffer.allocUnsafeSlow(room) as SliceableBuffer);
}

function sizeOf(batch: RecordBatch, decompressed: Uint8Array | undefined): number {
  return decompressed === undefined ? batch.end - batch.start : decompressed.length;
}

function decompressed(batch: RecordBatch, fetched: Buffer, range: OffsetRange): Uint8Array {
  try {
    return decompress(batch.codec, fetched.subarray(batch.recordsStart, batch.end));
  } catch (error) {
    throw corruptRecord("the record batch cannot be decompressed", batch.baseOffset, range, error);
  }
}
