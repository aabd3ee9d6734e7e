import type { TopicPartition } from "../../model/offset-range.ts";
import type { BrokerAddress } from "./broker-address.ts";
import { readByTopic, writeByTopic } from "./by-topic.ts";
import type { ByteCursor } from "./byte-cursor.ts";
import { ByteWriter } from "./byte-writer.ts";
import type { BrokerConnections } from "./connections.ts";

const LIST_OFFSETS = { key: 2, version: 7, flexible: true };
const NO_REPLICA = -1;

/** Instead of a time. */
export const EARLIEST = -2;
export const LATEST = -1;

export interface OffsetQuestion extends TopicPartition {
  readonly leaderEpoch: number;
}

export interface OffsetAnswer extends TopicPartition {
  readonly code: number;
  /** -1 when there is no record at or after the time. */
  readonly offset: number;
  /** Of the leader for {@link LATEST}, else of the record; -1 when it is not known. */
  readonly leaderEpoch: number;
}

/** Asks one leader for the offsets of all partitions it leads, in one request. */
export async function listOffsets(
  connections: BrokerConnections,
  leader: BrokerAddress,
  questions: readonly OffsetQuestion[],
  timestamp: number,
  isolationLevel: "read_uncommitted" | "read_committed",
): Promise<OffsetAnswer[]> {
  const socket = await connections.socket(leader, "control");
  const writer = new ByteWriter().int32(NO_REPLICA).int8(isolationLevel === "read_committed" ? 1 : 0);
  writeByTopic(writer, questions, ({ partition, leaderEpoch }) => {
    writer.int32(partition).int32(leaderEpoch).int64(timestamp).noTaggedFields();
  });
  return parse(await socket.request({ ...LIST_OFFSETS, body: writer.noTaggedFields().bytes }));
}

function parse(cursor: ByteCursor): OffsetAnswer[] {
  cursor.int32(); // throttle time
  return readByTopic(cursor, (topic): OffsetAnswer => {
    const partition = cursor.int32();
    const code = cursor.int16();
    cursor.int64(); // timestamp
    const offset = cursor.int64();
    const leaderEpoch = cursor.int32();
    return { topic, partition, code, offset, leaderEpoch };
  });
}
