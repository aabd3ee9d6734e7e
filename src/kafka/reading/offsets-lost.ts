import { MillraceError } from "../../model/errors.ts";
import type { OffsetRange, TopicPartition } from "../../model/offset-range.ts";

const START_AFRESH = "Start from other offsets (fromOffsets); what is gone cannot be read again.";

export function topicRecreated({ topic, partition }: TopicPartition): MillraceError {
  return new MillraceError(
    "OFFSETS_LOST",
    `Topic "${topic}" was deleted and created again: the planned offsets of ${topic}-${partition} belong to the old one.`,
    { hint: START_AFRESH, at: { topic, partition } },
  );
}

export function topicDeleted({ topic, partition }: TopicPartition): MillraceError {
  return new MillraceError("OFFSETS_LOST", `Topic "${topic}" is gone: ${topic}-${partition} was to be read.`, {
    hint: "Create it again and start from its own offsets, or take it out of the stream.",
    at: { topic, partition },
  });
}

export function offsetOutOfRange(
  { topic, partition }: TopicPartition,
  offset: number,
  first: number,
  end: number,
): MillraceError {
  const why =
    offset < first
      ? `the records before offset ${first} are deleted (retention or deleteRecords)`
      : `the partition ends at offset ${end}`;
  return new MillraceError("OFFSETS_LOST", `Offset ${offset} of ${topic}-${partition} cannot be read: ${why}.`, {
    hint: START_AFRESH,
    at: { topic, partition, offset },
  });
}

export function endsTooEarly(
  { topic, partition, untilOffset }: OffsetRange,
  offset: number,
  end: number,
): MillraceError {
  return new MillraceError(
    "OFFSETS_LOST",
    `${topic}-${partition} ends at offset ${end}, but the range goes to ${untilOffset}: records are missing from ${offset} on.`,
    {
      hint: `A leader without the newest records may have taken over (unclean leader election). ${START_AFRESH}`,
      at: { topic, partition, offset },
    },
  );
}
