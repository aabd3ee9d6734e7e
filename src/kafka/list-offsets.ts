import type { TopicPartition } from "../model/offset-range.ts";
import type { BrokerAddress } from "./broker-address.ts";
import { loadClient } from "./client.ts";
import type { BrokerConnections } from "./connections.ts";
import { responseEvenWithErrors } from "./metadata.ts";

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
}

/** Asks one leader for the offsets of all partitions it leads, in one request. */
export async function listOffsets(
  connections: BrokerConnections,
  leader: BrokerAddress,
  questions: readonly OffsetQuestion[],
  timestamp: number,
  isolationLevel: "read_uncommitted" | "read_committed",
): Promise<OffsetAnswer[]> {
  const { listOffsetsV7 } = await loadClient();
  const connection = await connections.get(leader, "control");
  const byTopic = Map.groupBy(questions, ({ topic }) => topic);
  const topics = Array.from(byTopic, ([name, asked]) => ({
    name,
    partitions: asked.map(({ partition, leaderEpoch }) => ({
      partitionIndex: partition,
      currentLeaderEpoch: leaderEpoch,
      timestamp: BigInt(timestamp),
    })),
  }));
  const level = isolationLevel === "read_committed" ? 1 : 0;
  const response = await responseEvenWithErrors(listOffsetsV7.api.async(connection, -1, level, topics));
  return response.topics.flatMap(({ name, partitions }) =>
    partitions.map(({ partitionIndex, errorCode, offset }) => ({
      topic: name,
      partition: partitionIndex,
      code: errorCode,
      offset: Number(offset),
    })),
  );
}
