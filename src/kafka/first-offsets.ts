import { systemClock } from "../model/clock.ts";
import type { Time } from "../model/duration.ts";
import { MillraceError } from "../model/errors.ts";
import type { TopicPartition } from "../model/offset-range.ts";
import { PartitionMap } from "../model/partition-map.ts";
import { type KafkaCluster, partitionKey } from "./connection/cluster.ts";
import { ConsumerGroup } from "./connection/consumer-group.ts";
import type { TopicOffsets } from "./subscription.ts";

export interface FirstOffsets {
  readonly fromOffsets: TopicOffsets | undefined;
  readonly startingTimestamp: Time | undefined;
  /** The group whose offsets are taken. */
  readonly startFrom: string | undefined;
}

/** A later `startingTimestamp` cannot be the clock of another machine. */
const CLOCKS_DIFFER_MS = 60_000;

/** Where a stream starts, by partition: `fromOffsets`, else `startingTimestamp`, else the group's offset, else `auto.offset.reset`. */
export async function firstOffsets(
  cluster: KafkaCluster,
  partitions: readonly TopicPartition[],
  { fromOffsets, startingTimestamp, startFrom }: FirstOffsets,
  signal: AbortSignal,
): Promise<PartitionMap<number>> {
  if (startingTimestamp !== undefined) refuseFuture(startingTimestamp, systemClock.now());
  const explicit = explicitOffsets(fromOffsets ?? {}, partitions);
  await checkExplicit(cluster, explicit, signal);
  const positions = explicit.map(({ offset }) => offset);
  const unknown = () => partitions.filter((partition) => !positions.has(partition));
  const take = (offsets: PartitionMap<number>) => {
    for (const [at, offset] of offsets) positions.set(at, offset);
  };
  if (startFrom !== undefined && unknown().length > 0) {
    take(await new ConsumerGroup(cluster, startFrom).committed(unknown(), signal));
  }
  if (unknown().length > 0) take(await resetOffsets(cluster, unknown(), startingTimestamp, signal));
  return positions;
}

function refuseFuture(startingTimestamp: Time, now: number): void {
  if (startingTimestamp <= now + CLOCKS_DIFFER_MS) return;
  const [start, today] = [startingTimestamp, now].map(inWords);
  throw new MillraceError("BAD_OPTION", `startingTimestamp is in the future: ${start}; now it is ${today}.`, {
    hint: 'It is in milliseconds since 1970. To start with the records that come from now on, set "auto.offset.reset" to "latest".',
  });
}

function inWords(time: Time): string {
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? String(time) : date.toISOString();
}

type Explicit = PartitionMap<TopicPartition & { offset: number }>;

function explicitOffsets(fromOffsets: TopicOffsets, partitions: readonly TopicPartition[]): Explicit {
  const known = PartitionMap.of(partitions);
  const explicit: Explicit = new PartitionMap();
  for (const [topic, offsets] of Object.entries(fromOffsets)) {
    for (const [number, offset] of Object.entries(offsets)) {
      const partition = known.get({ topic, partition: Number(number) });
      if (partition === undefined) throw foreign(topic, number, partitions);
      if (!Number.isSafeInteger(offset) || offset < 0) {
        throw new MillraceError(
          "BAD_OPTION",
          `fromOffsets: the offset of ${topic}-${number} is ${JSON.stringify(offset)}.`,
          {
            hint: "An offset is a whole number from 0.",
          },
        );
      }
      explicit.set(partition, { ...partition, offset });
    }
  }
  return explicit;
}

async function checkExplicit(cluster: KafkaCluster, explicit: Explicit, signal: AbortSignal): Promise<void> {
  if (explicit.size === 0) return;
  const partitions = [...explicit.values()];
  const [earliest, latest] = await Promise.all([
    cluster.earliestOffsets(partitions, signal),
    cluster.latestOffsets(partitions, signal),
  ]);
  for (const { topic, partition, offset } of partitions) {
    const at = { topic, partition };
    const [first, end] = [earliest.get(at)!, latest.get(at)!];
    if (offset >= first && offset <= end) continue;
    throw new MillraceError(
      "OFFSETS_LOST",
      `fromOffsets starts ${topic}-${partition} at ${offset}, but the broker has ${first} to ${end}.`,
      {
        hint:
          offset > end
            ? "The offset lies past the end of the partition: check it, or whether the topic was created again."
            : "Those records have expired. Start later, or keep them longer (retention.ms).",
        at: { topic, partition, offset },
      },
    );
  }
}

function resetOffsets(
  cluster: KafkaCluster,
  partitions: readonly TopicPartition[],
  startingTimestamp: Time | undefined,
  signal: AbortSignal,
): Promise<PartitionMap<number>> {
  if (startingTimestamp !== undefined) return cluster.offsetsForTime(partitions, startingTimestamp, signal);
  switch (cluster.params.autoOffsetReset) {
    case "earliest":
      return cluster.earliestOffsets(partitions, signal);
    case "latest":
      return cluster.latestOffsets(partitions, signal);
    case "none": {
      const missing = partitions.map(partitionKey).join(", ");
      throw new MillraceError(
        "BAD_OPTION",
        `Nothing says where to start ${missing}, and "auto.offset.reset" is "none".`,
        {
          hint: 'Give fromOffsets for every partition, take those of a group (startFromGroup), or set "auto.offset.reset" to "earliest" or "latest".',
        },
      );
    }
  }
}

function foreign(topic: string, number: string, partitions: readonly TopicPartition[]): MillraceError {
  const topics = [...new Set(partitions.map((partition) => partition.topic))];
  const numbers = partitions.filter((partition) => partition.topic === topic).map(({ partition }) => partition);
  if (numbers.length > 0) {
    const message = `fromOffsets names partition ${number} of "${topic}", which the stream does not read.`;
    return new MillraceError("BAD_OPTION", message, { hint: `Of "${topic}" it reads ${numbersText(numbers)}.` });
  }
  return new MillraceError("BAD_OPTION", `fromOffsets names topic "${topic}", which the stream does not read.`, {
    hint: `The stream reads ${topics.length === 0 ? "no topic yet: none matches its pattern" : topics.map((t) => `"${t}"`).join(", ")}.`,
  });
}

/** The first ones, when there are many. */
function numbersText(numbers: readonly number[]): string {
  const sorted = numbers.toSorted((a, b) => a - b);
  const last = sorted.at(-1);
  if (sorted.length === 1) return `partition ${last}`;
  if (sorted[0] === 0 && last === sorted.length - 1) return `partitions 0 to ${last}`;
  return `partitions ${sorted.slice(0, 20).join(", ")}${sorted.length > 20 ? " ..." : ""}`;
}
