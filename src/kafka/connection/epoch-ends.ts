import type { BrokerAddress } from "./broker-address.ts";
import { readByTopic, writeByTopic } from "./by-topic.ts";
import type { ByteCursor } from "./byte-cursor.ts";
import { ByteWriter } from "./byte-writer.ts";
import type { BrokerConnections } from "./connections.ts";
import type { OffsetAnswer, OffsetQuestion } from "./list-offsets.ts";

const OFFSET_FOR_LEADER_EPOCH = { key: 23, version: 4, flexible: true };
const NO_REPLICA = -1;

export interface EpochQuestion extends OffsetQuestion {
  /** The epoch that is asked about, an earlier one than the leader's. */
  readonly epoch: number;
}

/** The last records of a leader epoch, in the log of a later leader. */
export interface EpochEnd {
  /** The one that was asked about, or the last before it that the leader knows. */
  readonly epoch: number;
  /** Where the records of later epochs begin. */
  readonly offset: number;
}

/** Asks one leader how far its log goes in earlier leader epochs, for all partitions it leads, in one request; -1 where it does not know. */
export async function epochEnds(
  connections: BrokerConnections,
  leader: BrokerAddress,
  questions: readonly EpochQuestion[],
): Promise<OffsetAnswer[]> {
  const socket = await connections.socket(leader, "control");
  const writer = new ByteWriter().int32(NO_REPLICA);
  writeByTopic(writer, questions, ({ partition, leaderEpoch, epoch }) => {
    writer.int32(partition).int32(leaderEpoch).int32(epoch).noTaggedFields();
  });
  return parse(await socket.request({ ...OFFSET_FOR_LEADER_EPOCH, body: writer.noTaggedFields().bytes }));
}

function parse(cursor: ByteCursor): OffsetAnswer[] {
  cursor.int32(); // throttle time
  return readByTopic(cursor, (topic): OffsetAnswer => {
    const code = cursor.int16();
    const partition = cursor.int32();
    const leaderEpoch = cursor.int32();
    const offset = cursor.int64();
    return { topic, partition, code, offset, leaderEpoch };
  });
}
