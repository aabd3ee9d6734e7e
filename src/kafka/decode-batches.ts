import type { SliceableBuffer } from "../decoders/decoder.ts";
import type { OffsetRange } from "../model/offset-range.ts";
import { decompress } from "./compression.ts";
import type { FetchedPartition } from "./fetch.ts";
import { corruptRecord, type RecordBatch } from "./record-batch.ts";
import { RecordChunk, type RecordDecoders } from "./record-chunk.ts";
import { type BatchRecords, RecordColumns } from "./record-columns.ts";
import { TransactionFilter } from "./transaction-filter.ts";

/** Small enough that what a reader keeps of a chunk does not pin much, large enough that a chunk costs nothing per record. */
const CHUNK_BYTES = 256 * 1024;
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
    if (!group.canTake(batch)) {
      yield* group.chunks(range, decoders);
      group = new BatchGroup(fetched.buffer);
    }
    group.take(batch, range);
  }
  yield* group.chunks(range, decoders);
}

/** Batches that make one chunk: uncompressed ones that touch each other, or some that are decompressed into one buffer. */
class BatchGroup {
  readonly #fetched: SliceableBuffer;
  readonly #parts: BatchRecords[] = [];
  readonly #decompressed: Buffer[] = [];
  #bytes = 0;

  constructor(fetched: SliceableBuffer) {
    this.#fetched = fetched;
  }

  canTake(batch: RecordBatch): boolean {
    const first = this.#parts[0]?.batch;
    const last = this.#parts.at(-1)?.batch;
    if (first === undefined || last === undefined) return true;
    return (
      this.#bytes < CHUNK_BYTES &&
      batch.isLogAppendTime === first.isLogAppendTime &&
      batch.lastOffset - first.baseOffset <= MAX_OFFSET_DELTA &&
      (batch.codec === 0) === (first.codec === 0) &&
      (batch.codec !== 0 || batch.start === last.end)
    );
  }

  take(batch: RecordBatch, range: OffsetRange): void {
    if (batch.codec === 0) {
      this.#parts.push({ batch, start: batch.recordsStart, end: batch.end });
      this.#bytes += batch.end - batch.start;
    } else {
      const bytes = this.#decompress(batch, range);
      this.#parts.push({ batch, start: this.#bytes, end: this.#bytes + bytes.length });
      this.#decompressed.push(bytes);
      this.#bytes += bytes.length;
    }
  }

  *chunks<K, V>(range: OffsetRange, decoders: RecordDecoders<K, V>): Generator<RecordChunk<K, V>> {
    const first = this.#parts[0]?.batch;
    if (first === undefined) return;
    const buffer = first.codec === 0 ? this.#fetched : (joined(this.#decompressed) as SliceableBuffer);
    const columns = new RecordColumns(buffer, this.#parts, range);
    if (columns.length === 0) return;
    yield new RecordChunk(range, first.isLogAppendTime ? "LogAppendTime" : "CreateTime", buffer, columns, decoders);
  }

  #decompress(batch: RecordBatch, range: OffsetRange): Buffer {
    try {
      return decompress(batch.codec, this.#fetched.subarray(batch.recordsStart, batch.end));
    } catch (error) {
      throw corruptRecord("the record batch cannot be decompressed", batch.baseOffset, range, error);
    }
  }
}

function joined(buffers: readonly Buffer[]): Buffer {
  return buffers.length === 1 && buffers[0] !== undefined ? buffers[0] : Buffer.concat(buffers);
}
