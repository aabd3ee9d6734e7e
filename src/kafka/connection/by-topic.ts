import type { TopicPartition } from "../../model/offset-range.ts";
import type { ByteCursor } from "./byte-cursor.ts";
import type { ByteWriter } from "./byte-writer.ts";

/** How Kafka groups partitions in its flexible requests and answers: topics by name, and in each the partitions. */

/** @param write Gives all of a partition; most have tagged fields at their end, but the mere numbers of OffsetFetch have none. */
export function writeByTopic<P extends TopicPartition>(
  writer: ByteWriter,
  partitions: readonly P[],
  write: (partition: P) => void,
): ByteWriter {
  return writer.compactArray([...Map.groupBy(partitions, ({ topic }) => topic)], ([topic, ofTopic]) => {
    writer.compactText(topic).compactArray(ofTopic, write).noTaggedFields();
  });
}

/** @param read All of a partition but its tagged fields. */
export function readByTopic<T>(cursor: ByteCursor, read: (topic: string) => T): T[] {
  return cursor
    .compactArray(() => {
      const topic = cursor.compactText() ?? "";
      const partitions = cursor.compactArray(() => {
        const partition = read(topic);
        cursor.skipTaggedFields();
        return partition;
      });
      cursor.skipTaggedFields();
      return partitions;
    })
    .flat();
}
