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
/** Decompressed batches are joined, which copies them, only until they make a chunk of this size. */
const JOINED_BYTES = 8 * 1024;
const MAX_OFFSET_DELTA = 2 ** 31 - 1;

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
  let group = new BatchGroup(fetched.buffer);
  for (const batch of batches) {
    if (batch.baseOffset >= range.untilOffset) break;
    if (!filter.accepts(batch, fetched.buffer) || batch.lastOffset < range.fromOffset || batch.count === 0) continue;
    const bytes = batch.codec === 0 ? undefined : decompressed(batch, fetched.buffer, range);
    if (!group.canTake(batch, bytes)) {
      yield* group.chunks(range, decoders);
      group = new BatchGroup(fetched.buffer);
    }
    group.take(batch, bytes);
  }
  yield* group.chunks(range, decoders);
}

/** Batches that make one chunk: uncompressed ones as they lie in the response, or some whose decompressed bytes are joined. */
class BatchGroup {
  readonly #fetched: SliceableBuffer;
  readonly #parts: BatchRecords[] = [];
  readonly #decompressed: Buffer[] = [];
  #bytes = 0;

  constructor(fetched: SliceableBuffer) {
    this.#fetched = fetched;
  }

  canTake(batch: RecordBatch, decompressed: Buffer | undefined): boolean {
    const first = this.#parts[0]?.batch;
    if (first === undefined) return true;
    if (decompressed !== undefined && this.#bytes >= JOINED_BYTES) return false;
    return (
      this.#bytes + sizeOf(batch, decompressed) <= CHUNK_BYTES &&
      batch.isLogAppendTime === first.isLogAppendTime &&
      batch.lastOffset - first.baseOffset <= MAX_OFFSET_DELTA &&
      (batch.codec === 0) === (first.codec === 0)
    );
  }

  take(batch: RecordBatch, decompressed: Buffer | undefined): void {
    if (decompressed === undefined) {
      this.#parts.push({ batch, start: batch.recordsStart, end: batch.end });
    } else {
      this.#parts.push({ batch, start: this.#bytes, end: this.#bytes + decompressed.length });
      this.#decompressed.push(decompressed);
    }
    this.#bytes += sizeOf(batch, decompressed);
  }

  *chunks<K, V>(range: OffsetRange, decoders: RecordDecoders<K, V>): Generator<RecordChunk<K, V>> {
    const first = this.#parts[0]?.batch;
    if (first === undefined) return;
    const buffer = first.codec === 0 ? this.#fetched : (joined(this.#decompressed) as SliceableBuffer);
    const columns = new RecordColumns(buffer, this.#parts, range);
    if (columns.length === 0) return;
    yield new RecordChunk(range, first.isLogAppendTime ? "LogAppendTime" : "CreateTime", buffer, columns, decoders);
  }
}

function sizeOf(batch: RecordBatch, decompressed: Buffer | undefined): number {
  return decompressed === undefined ? batch.end - batch.start : decompressed.length;
}

function decompressed(batch: RecordBatch, fetched: Buffer, range: OffsetRange): Buffer {
  try {
    return decompress(batch.codec, fetched.subarray(batch.recordsStart, batch.end));
  } catch (error) {
    throw corruptRecord("the record batch cannot be decompressed", batch.baseOffset, range, error);
  }
}

function joined(buffers: readonly Buffer[]): Buffer {
  return buffers.length === 1 && buffers[0] !== undefined ? buffers[0] : Buffer.concat(buffers);
}
