import { crc32c } from "@node-rs/crc32";
import { MillraceError } from "../../model/errors.ts";
import type { TopicPartition } from "../../model/offset-range.ts";

/** Bytes before the first record of a batch. */
export const BATCH_HEADER_BYTES = 61;
/** Base offset and length, which the length does not count. */
const PREFIX_BYTES = 12;
const CRC_COVERS_FROM = 21;
const MAGIC = 2;
const NO_PRODUCER = -1;

/** The header of a record batch (magic 2), checked, and where its records lie. */
export interface RecordBatch {
  readonly start: number;
  readonly recordsStart: number;
  readonly end: number;
  readonly baseOffset: number;
  readonly lastOffset: number;
  /** Of the leader that the batch was written to. */
  readonly leaderEpoch: number;
  readonly codec: number;
  readonly isControl: boolean;
  readonly isTransactional: boolean;
  readonly isLogAppendTime: boolean;
  /** Of each record with LogAppendTime; else what the records' own are counted from. */
  readonly timestamp: number;
  /** Of a transaction, or of the marker that ends one. */
  readonly producerId: number;
  readonly count: number;
}

export interface FoundBatches {
  readonly batches: readonly RecordBatch[];
  /** Where to fetch on. */
  readonly nextOffset: number;
  /** Bytes of the batch that is cut off at the end, as far as it says; 0 when none is. */
  readonly cutOffBatchBytes: number;
}

/** Bytes that were fetched, and where batches lie in them. */
export interface FetchedBatches {
  readonly buffer: Buffer;
  readonly recordsStart: number;
  readonly recordsEnd: number;
  readonly highWatermark: number;
}

/**
 * The whole batches of what was fetched at `offset`. The last one may be cut off, which is normal.
 * @throws CORRUPT_RECORD
 */
export function findBatches(fetched: FetchedBatches, offset: number, place: TopicPartition): FoundBatches {
  const { buffer, recordsStart, recordsEnd, highWatermark } = fetched;
  const view = new DataView(buffer.buffer, buffer.byteOffset, buffer.length);
  const batches: RecordBatch[] = [];
  let position = recordsStart;
  let expected = offset;
  let previous: RecordBatch | undefined;
  while (recordsEnd - position >= PREFIX_BYTES) {
    const batchBytes = PREFIX_BYTES + view.getInt32(position + 8);
    if (batchBytes < BATCH_HEADER_BYTES) {
      throw corrupt("its length makes no sense", int64At(view, position), offset, place);
    }
    if (position + batchBytes > recordsEnd) return { batches, nextOffset: expected, cutOffBatchBytes: batchBytes };
    const batch = readHeader(buffer, view, position, position + batchBytes, offset, place);
    if (!follows(batch, previous, expected, offset, highWatermark)) {
      throw corrupt("its offset makes no sense", batch.baseOffset, offset, place);
    }
    batches.push(batch);
    previous = batch;
    expected = Math.max(expected, batch.lastOffset + 1);
    position = batch.end;
  }
  if (previous !== undefined && expected === offset) {
    throw corrupt("its offset makes no sense", previous.baseOffset, offset, place);
  }
  return { batches, nextOffset: expected, cutOffBatchBytes: recordsEnd > position ? BATCH_HEADER_BYTES : 0 };
}

/**
 * The checksum does not cover the base offset, so a wrong one shows only by its neighbours. Gaps are normal (compaction), but not
 * behind the end of the log, which may have moved on a little since the broker looked, nor behind a batch that was not asked for.
 */
function follows(
  batch: RecordBatch,
  previous: RecordBatch | undefined,
  expected: number,
  fetchOffset: number,
  highWatermark: number,
): boolean {
  if (previous !== undefined && batch.baseOffset <= previous.lastOffset) return false;
  if (batch.lastOffset >= highWatermark && batch.baseOffset > expected) return false;
  const wasAskedFor = previous === undefined || previous.lastOffset >= fetchOffset;
  return wasAskedFor || batch.baseOffset === previous.lastOffset + 1;
}

function readHeader(
  buffer: Buffer,
  view: DataView,
  start: number,
  end: number,
  fetchOffset: number,
  place: TopicPartition,
): RecordBatch {
  const baseOffset = int64At(view, start);
  const magic = view.getInt8(start + 16);
  if (magic !== MAGIC) throw corrupt(`its magic is ${magic}, not ${MAGIC}`, baseOffset, fetchOffset, place);
  if (crc32c(buffer.subarray(start + CRC_COVERS_FROM, end)) !== view.getUint32(start + 17)) {
    throw corrupt("its checksum (CRC-32C) does not fit", baseOffset, fetchOffset, place);
  }
  const attributes = view.getInt16(start + 21);
  const lastOffset = baseOffset + view.getInt32(start + 23);
  const count = view.getInt32(start + 57);
  const codec = attributes & 7;
  const isLogAppendTime = (attributes & 8) !== 0;
  const isTransactional = (attributes & 16) !== 0;
  const isControl = (attributes & 32) !== 0;
  const recordsStart = start + BATCH_HEADER_BYTES;
  if (baseOffset < 0 || lastOffset < baseOffset || lastOffset > Number.MAX_SAFE_INTEGER) {
    throw corrupt("its offset makes no sense", baseOffset, fetchOffset, place);
  }
  if (count < 0 || count > lastOffset - baseOffset + 1) {
    throw corrupt("its number of records makes no sense", baseOffset, fetchOffset, place);
  }
  return {
    start,
    recordsStart,
    end,
    baseOffset,
    lastOffset,
    leaderEpoch: view.getInt32(start + 12),
    codec,
    isLogAppendTime,
    isTransactional,
    isControl,
    timestamp: int64At(view, start + (isLogAppendTime ? 35 : 27)),
    producerId: isTransactional || isControl ? int64At(view, start + 43) : NO_PRODUCER,
    count,
  };
}

const int64At = (view: DataView, position: number) => view.getInt32(position) * 2 ** 32 + view.getUint32(position + 4);

/** A batch whose own offset makes no sense is named by the offset that was asked for. */
function corrupt(what: string, baseOffset: number, fetchOffset: number, place: TopicPartition): MillraceError {
  const plausible = Number.isSafeInteger(baseOffset) && baseOffset >= 0;
  return corruptRecord(`the record batch is corrupt: ${what}`, plausible ? baseOffset : fetchOffset, place);
}

export function corruptRecord(what: string, offset: number, place: TopicPartition, cause?: unknown): MillraceError {
  const { topic, partition } = place;
  return new MillraceError("CORRUPT_RECORD", `At offset ${offset} of ${topic}-${partition} ${what}.`, {
    hint: "Check the broker's disk and network; to go on behind it, start from a later offset (fromOffsets).",
    at: { topic, partition, offset },
    cause,
  });
}
