import type { SliceableBuffer } from "../../decoders/decoder.ts";
import type { BrokerSocket } from "../connection/broker-socket.ts";
import type { ByteCursor } from "../connection/byte-cursor.ts";
import { ByteWriter } from "../connection/byte-writer.ts";

/** The first version that names topics by id. */
const FETCH = { key: 1, version: 13, flexible: true };

const NO_REPLICA = -1;
const MIN_BYTES = 1;
const NO_SESSION = 0;
const NO_SESSION_EPOCH = -1;
const UNKNOWN_EPOCH = -1;
const NO_LOG_START = -1;
const UUID_BYTES = 16;

export interface FetchLimits {
  readonly maxBytes: number;
  readonly maxWaitMs: number;
  readonly readCommitted: boolean;
}

export interface FetchPosition {
  readonly topicId: string;
  readonly partition: number;
  readonly leaderEpoch: number;
  readonly offset: number;
}

export interface FetchRequest extends FetchLimits, FetchPosition {
  readonly partitionMaxBytes: number;
}

/** A transaction that was rolled back: its records are in what was fetched. */
export interface AbortedTransaction {
  readonly producerId: number;
  readonly firstOffset: number;
}

/** The part of a fetch response that speaks of one partition. Record batches lie in `buffer` as they came. */
export interface FetchedPartition {
  readonly code: number;
  readonly throttleTimeMs: number;
  readonly highWatermark: number;
  readonly lastStableOffset: number;
  readonly abortedTransactions: readonly AbortedTransaction[];
  readonly buffer: SliceableBuffer;
  readonly recordsStart: number;
  readonly recordsEnd: number;
}

/** One fetch of one partition, outside any fetch session. */
export async function fetchPartition(socket: BrokerSocket, request: FetchRequest): Promise<FetchedPartition> {
  const body = encodeFetchRequest(request, [request], request.partitionMaxBytes);
  const answer = await socket.request({ ...FETCH, body });
  try {
    return parseFetchResponse(answer, request.partition);
  } catch (cause) {
    throw new Error("the fetch response is malformed", { cause });
  }
}

/** How far a partition can be read. */
export interface PartitionEnd {
  readonly topicId: string;
  readonly partition: number;
  readonly code: number;
  /** Under read_committed the last stable offset. */
  readonly end: number;
}

/** Waits until one of the partitions has something at its position, or for `maxWaitMs`. Leaves aside what was fetched. */
export async function fetchEnds(
  socket: BrokerSocket,
  limits: FetchLimits,
  positions: readonly FetchPosition[],
): Promise<PartitionEnd[]> {
  const cursor = await socket.request({ ...FETCH, body: encodeFetchRequest(limits, positions, 1) });
  const ends: PartitionEnd[] = [];
  readPartitions(cursor, (topicIdAt, partition, { code, lastStableOffset, highWatermark }) => {
    ends.push({
      topicId: cursor.uuidAt(topicIdAt),
      partition,
      code,
      end: limits.readCommitted ? lastStableOffset : highWatermark,
    });
  });
  return ends;
}

function encodeFetchRequest(
  { maxWaitMs, maxBytes, readCommitted }: FetchLimits,
  positions: readonly FetchPosition[],
  partitionMaxBytes: number,
): Buffer {
  const writer = new ByteWriter()
    .int32(NO_REPLICA)
    .int32(maxWaitMs)
    .int32(MIN_BYTES)
    .int32(maxBytes)
    .int8(readCommitted ? 1 : 0)
    .int32(NO_SESSION)
    .int32(NO_SESSION_EPOCH);
  const byTopic = Map.groupBy(positions, ({ topicId }) => topicId);
  writer.compactArray([...byTopic], ([topicId, ofTopic]) => {
    writer.uuid(topicId).compactArray(ofTopic, ({ partition, leaderEpoch, offset }) => {
      writer
        .int32(partition)
        .int32(leaderEpoch)
        .int64(offset)
        .int32(UNKNOWN_EPOCH)
        .int64(NO_LOG_START)
        .int32(partitionMaxBytes)
        .noTaggedFields();
    });
    writer.noTaggedFields();
  });
  return writer
    .compactArray([], () => {})
    .compactText("")
    .noTaggedFields().bytes;
}

/** Only for a response to a fetch of one partition. */
export function parseFetchResponse(cursor: ByteCursor, partition: number): FetchedPartition {
  let found: FetchedPartition | undefined;
  const { sessionCode, throttleTimeMs } = readPartitions(cursor, (_, index, fetched) => {
    if (index === partition) found = fetched;
  });
  return found ?? { ...NOTHING, code: sessionCode, throttleTimeMs, buffer: cursor.buffer as SliceableBuffer };
}

function readPartitions(
  cursor: ByteCursor,
  take: (topicIdAt: number, partition: number, fetched: FetchedPartition) => void,
): { throttleTimeMs: number; sessionCode: number } {
  const throttleTimeMs = cursor.int32();
  const sessionCode = cursor.int16();
  cursor.int32();
  for (let topics = cursor.compactLength(); topics > 0; topics--) {
    const topicIdAt = cursor.position;
    cursor.skip(UUID_BYTES);
    for (let partitions = cursor.compactLength(); partitions > 0; partitions--) {
      const partition = cursor.int32();
      take(topicIdAt, partition, parsePartition(cursor, throttleTimeMs));
    }
    cursor.skipTaggedFields();
  }
  return { throttleTimeMs, sessionCode };
}

const NOTHING = {
  highWatermark: -1,
  lastStableOffset: -1,
  abortedTransactions: [],
  recordsStart: 0,
  recordsEnd: 0,
};

function parsePartition(cursor: ByteCursor, throttleTimeMs: number): FetchedPartition {
  const code = cursor.int16();
  const highWatermark = cursor.int64();
  const lastStableOffset = cursor.int64();
  cursor.skip(8);
  const abortedTransactions = Array.from({ length: cursor.compactLength() }, () => {
    const transaction = { producerId: cursor.int64(), firstOffset: cursor.int64() };
    cursor.skipTaggedFields();
    return transaction;
  });
  cursor.skip(4);
  const recordsLength = cursor.compactLength();
  const recordsStart = cursor.position;
  cursor.skip(recordsLength);
  const recordsEnd = cursor.position;
  cursor.skipTaggedFields();
  return {
    code,
    throttleTimeMs,
    highWatermark,
    lastStableOffset,
    abortedTransactions,
    buffer: cursor.buffer as SliceableBuffer,
    recordsStart,
    recordsEnd,
  };
}
