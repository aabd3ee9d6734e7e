import { MillraceError } from "../model/errors.ts";
import type { Position } from "../model/plan.ts";
import { type KafkaCluster, partitionKey } from "./connection/cluster.ts";
import type { SelectedPartition } from "./topic-selection.ts";

/**
 * Where a stream goes on after a restart: where the run before stood. Partitions that it did not know are new, and read from their first
 * record. What it had not read yet must still be there, in the same life of the topic.
 * @throws OFFSETS_LOST
 */
export async function restoredOffsets(
  cluster: KafkaCluster,
  partitions: readonly SelectedPartition[],
  restored: readonly Position[],
  signal: AbortSignal,
): Promise<Map<string, number>> {
  const selected = new Map(partitions.map((partition) => [partitionKey(partition), partition]));
  const earliest = await cluster.earliestOffsets(partitions, signal);
  const positions = new Map(earliest);
  for (const position of restored) {
    const key = partitionKey(position);
    const partition = selected.get(key);
    if (partition === undefined) {
      throw lost(
        position,
        "but the stream no longer reads that partition",
        "Was it deleted, or are other topics subscribed?",
      );
    }
    if (position.topicId !== undefined && position.topicId !== partition.topicId) {
      throw lost(position, "but the topic was deleted and created again", "Its records of then are gone.");
    }
    if (position.offset < earliest.get(key)!) {
      throw lost(position, `but its first record is now ${earliest.get(key)}`, "The records between have expired.");
    }
    positions.set(key, position.offset);
  }
  return positions;
}

function lost(position: Position, but: string, why: string): MillraceError {
  const { topic, partition, offset } = position;
  return new MillraceError(
    "OFFSETS_LOST",
    `The checkpoint stands at offset ${offset} of ${topic}-${partition}, ${but}.`,
    {
      hint: `${why} To go on without them, start with a new checkpointDirectory and fromOffsets.`,
      at: { topic, partition, offset },
    },
  );
}
