import { MillraceError } from "../../model/errors.ts";
import type { DataLoss } from "../../model/events.ts";
import type { OffsetRange, TopicPartition } from "../../model/offset-range.ts";

const START_AFRESH =
  "What is gone cannot be read again. To read the rest, and be told what is missing, set failOnDataLoss: false; or start from other offsets (fromOffsets).";

/** Records of a range are gone. With `failOnDataLoss: false` a reader goes on behind them. */
export class LostRecords extends MillraceError {
  readonly reason: DataLoss["reason"];
  /** The first offset that is there again; undefined when nothing more of the range is. */
  readonly goOnAt: number | undefined;

  constructor(
    message: string,
    at: TopicPartition & { readonly offset?: number },
    loss: { reason: DataLoss["reason"]; goOnAt?: number; hint?: string },
  ) {
    super("OFFSETS_LOST", message, { hint: loss.hint ?? START_AFRESH, at });
    this.reason = loss.reason;
    this.goOnAt = loss.goOnAt;
  }
}

export function topicRecreated({ topic, partition }: TopicPartition): LostRecords {
  return new LostRecords(
    `Topic "${topic}" was deleted and created again: the planned offsets of ${topic}-${partition} belong to the old one.`,
    { topic, partition },
    { reason: "recreated" },
  );
}

export function topicDeleted({ topic, partition }: TopicPartition): LostRecords {
  return new LostRecords(
    `Topic "${topic}" is gone: ${topic}-${partition} was to be read.`,
    { topic, partition },
    { reason: "deleted" },
  );
}

export function offsetOutOfRange(
  { topic, partition }: TopicPartition,
  offset: number,
  first: number,
  end: number,
): LostRecords {
  const at = { topic, partition, offset };
  const what = `Offset ${offset} of ${topic}-${partition} cannot be read`;
  return offset < first
    ? new LostRecords(`${what}: the records before offset ${first} are deleted (retention or deleteRecords).`, at, {
        reason: "expired",
        goOnAt: first,
      })
    : new LostRecords(`${what}: the partition ends at offset ${end}.`, at, { reason: "truncated" });
}

const UNCLEAN = "A leader without the newest records may have taken over (unclean leader election).";

export function replacedByLaterLeader({ topic, partition, untilOffset }: OffsetRange, offset: number): LostRecords {
  return new LostRecords(
    `The planned records of ${topic}-${partition} from offset ${offset} to ${untilOffset} are gone: a later leader has others there.`,
    { topic, partition, offset },
    { reason: "truncated", hint: `${UNCLEAN} ${START_AFRESH}` },
  );
}

export function endsTooEarly({ topic, partition, untilOffset }: OffsetRange, offset: number, end: number): LostRecords {
  return new LostRecords(
    `${topic}-${partition} ends at offset ${end}, but the range goes to ${untilOffset}: records are missing from ${offset} on.`,
    { topic, partition, offset },
    {
      reason: "truncated",
      hint: `${UNCLEAN} ${START_AFRESH}`,
    },
  );
}
