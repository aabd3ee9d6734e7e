import { MillraceError } from "../model/errors.ts";
import type { DataLoss } from "../model/events.ts";
import { OffsetRange } from "../model/offset-range.ts";
import type { EpochBorder } from "../model/plan.ts";
import type { SelectedPartition } from "./topic-selection.ts";

/** Where a stream stands in one partition of one life of a topic. */
export interface Place extends SelectedPartition {
  /** Of the next record to read. */
  readonly offset: number;
  /** The last end of the partition that was seen. */
  readonly end: number;
  /** Of the leader whose log the offset belongs to, as far as that is known. */
  readonly leaderEpoch?: number | undefined;
  /** In the log of that leader, as far as that is known. */
  readonly epochBorder?: EpochBorder | undefined;
}

/** What the current leader has of a partition. */
export interface PartitionContent {
  readonly topicId: string;
  readonly earliest: number;
  readonly latest: number;
  readonly leaderEpoch?: number | undefined;
  /** Under a later leader than that of the place: up to where its log is still the one that the stream has read. */
  readonly commonEnd?: number | undefined;
  /** Under a later leader: in its log. */
  readonly epochBorder?: EpochBorder | undefined;
}

/** Something between where a stream stands and what is there. */
export interface LossAtPlace extends DataLoss {
  readonly place: Place;
  /** Undefined where there is nothing to go on with. */
  readonly goOnAt: number | undefined;
}

/**
 * What is lost at a place, when anything is. `content` is undefined for a partition that is gone. After a truncation the stream goes on
 * where the log was cut off, whatever `reset` says: what lies before has been read. By then the log may have grown past the place again, which
 * only the leader epochs tell.
 */
export function lossAt(
  place: Place,
  content: PartitionContent | undefined,
  reset: "earliest" | "latest" | "none",
): LossAtPlace | undefined {
  const lost = (reason: DataLoss["reason"], fromOffset: number, untilOffset: number, goOnAt?: number): LossAtPlace => {
    const { topic, partition } = place;
    return { place, reason, range: { topic, partition, fromOffset, untilOffset }, goOnAt };
  };
  const { offset } = place;
  const knownEnd = Math.max(offset, place.end);
  if (content === undefined) return lost("deleted", offset, knownEnd);
  const { topicId, earliest, latest } = content;
  const afresh = reset === "latest" ? latest : earliest;
  if (topicId !== place.topicId) return lost("recreated", offset, knownEnd, afresh);
  if (offset < earliest) return lost("expired", offset, afresh, afresh);
  const cutOffAt = Math.min(latest, content.commonEnd ?? latest);
  if (offset > cutOffAt) return lost("truncated", cutOffAt, offset, Math.max(earliest, cutOffAt));
  return undefined;
}

/** For a stream that does not go on without its records. */
export function offsetsLost([first, ...others]: readonly [LossAtPlace, ...LossAtPlace[]]): MillraceError {
  const { topic, partition, offset } = first.place;
  const too = `${others.length} more ${others.length === 1 ? "partition has" : "partitions have"} lost records too.`;
  const more = others.length === 0 ? "" : ` ${too}`;
  const message = `The stream has lost ${OffsetRange.format(first.range)}: ${reasonOf(first)}.${more}`;
  return new MillraceError("OFFSETS_LOST", message, {
    hint: "What is gone cannot be read again. To go on without it, and be told what is missing, set failOnDataLoss: false; or start with fromOffsets and a new checkpointDirectory.",
    at: { topic, partition, offset },
  });
}

function reasonOf({ reason, range, goOnAt, place }: LossAtPlace): string {
  const { topic, partition, offset } = place;
  switch (reason) {
    case "expired":
      return `it stands at offset ${offset} of ${topic}-${partition}, but the records before ${goOnAt} are deleted (retention or deleteRecords)`;
    case "truncated":
      return `it has read ${topic}-${partition} up to offset ${offset}, which was cut off at ${range.fromOffset} (an unclean leader election, or a restored broker)`;
    case "recreated":
      return `it stands at offset ${offset} of ${topic}-${partition}, but the topic was deleted and created again`;
    case "deleted":
      return `it stands at offset ${offset} of ${topic}-${partition}, which it can no longer read: the topic was deleted, or other topics are subscribed`;
  }
}
