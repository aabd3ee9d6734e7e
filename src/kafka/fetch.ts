import type { Connection, Reader } from "@platformatic/kafka";
import type { SliceableBuffer } from "../decoders/decoder.ts";
import { ByteCursor } from "./byte-cursor.ts";
import { loadClient } from "./client.ts";

const FETCH = 1;
/** The first version that names topics by id. */
const VERSION = 13;

export interface FetchRequest {
  readonly topicId: string;
  readonly partition: number;
  readonly leaderEpoch: number;
  readonly offset: number;
  readonly partitionMaxBytes: number;
  readonly maxBytes: number;
  readonly maxWaitMs: number;
  readonly readCommitted: boolean;
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
export async function fetchPartition(connection: Connection, request: FetchRequest): Promise<FetchedPartition> {
  const { fetchV13 } = await loadClient();
  const createRequest = () =>
    fetchV13.createRequest(
      request.maxWaitMs,
      1,
      request.maxBytes,
      request.readCommitted ? 1 : 0,
      0,
      -1,
      [
        {
          topicId: request.topicId,
          partitions: [
            {
              partition: request.partition,
              currentLeaderEpoch: request.leaderEpoch,
              fetchOffset: BigInt(request.offset),
              lastFetchedEpoch: -1,
              partitionMaxBytes: request.partitionMaxBytes,
            },
          ],
        },
      ],
      [],
      "",
    );
  const parse = (_correlationId: number, _key: number, _version: number, reader: Reader) => ownCopy(reader);
  return await new Promise<FetchedPartition>((resolve, reject) => {
    connection.send(FETCH, VERSION, createRequest, parse, true, true, (error, response) => {
      if (error || response === undefined) reject(error);
      else
        try {
          resolve(parseFetchResponse(response, request.partition));
        } catch (cause) {
          reject(new Error("the fetch response is malformed", { cause }));
        }
    });
  });
}

/** The response in one buffer that nothing else shares, so that records can be read from it for as long as they live. */
function ownCopy(reader: Reader): SliceableBuffer {
  const { buffers, length } = reader.buffer;
  const whole = Buffer.allocUnsafeSlow(length);
  let end = 0;
  for (const part of buffers) end += part.copy(whole, end);
  return whole as SliceableBuffer;
}

/** Only for a response to a fetch of one partition. */
export function parseFetchResponse(buffer: SliceableBuffer, partition: number): FetchedPartition {
  const cursor = new ByteCursor(buffer);
  const throttleTimeMs = cursor.int32();
  const sessionCode = cursor.int16();
  cursor.int32();
  let found: FetchedPartition | undefined;
  for (let topics = cursor.compactLength(); topics > 0; topics--) {
    cursor.skip(16);
    for (let partitions = cursor.compactLength(); partitions > 0; partitions--) {
      const index = cursor.int32();
      const fetched = parsePartition(cursor, throttleTimeMs);
      if (index === partition) found = fetched;
    }
    cursor.skipTaggedFields();
  }
  return found ?? { ...NOTHING, code: sessionCode, throttleTimeMs, buffer };
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
