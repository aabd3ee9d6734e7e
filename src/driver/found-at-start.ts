import type { World } from "../checkpoint/world.ts";
import { countText } from "../model/count-text.ts";
import type { Logger } from "../model/events.ts";
import { OffsetRange } from "../model/offset-range.ts";
import type { Journal } from "./journal.ts";
import type { Stream } from "./plan-batch.ts";

/** What a driver finds when it starts, for the log: where the last one stood, what it left half done, where each stream begins. */

/** Of a job with a thousand partitions a line shows this many. */
const SHOWN_MOST = 8;

export function tellCheckpoint({ epoch, world }: Journal, logger: Logger): void {
  const { seq, batchTime, pending, abandoned, states } = world;
  const last =
    batchTime === null
      ? "no batch is complete yet"
      : `batch ${seq} of ${new Date(batchTime).toISOString()} is the last complete one`;
  const left = abandoned.count > 0 ? `, ${countText(abandoned.count, "batch was", "batches were")} left out` : "";
  logger.info({ epoch, seq }, `checkpoint: ${last}${left}${statesOf(states)}; now epoch ${epoch}`);
  if (pending === null) return;
  const { slices } = pending.plan;
  const ranges = Object.values(slices)
    .flat()
    .filter((range) => OffsetRange.count(range) > 0);
  logger.info(
    { seq: pending.plan.seq },
    `batch ${pending.plan.seq} was planned and did not complete: it runs first, as it was planned${listOf(ranges.map(rangeText), ": ") || ", with no records"}`,
  );
}

export function tellPositions(streams: readonly Stream[], logger: Logger): void {
  for (const { source, planner } of streams) {
    const positions = planner.positions();
    if (!source.offsets || positions.length === 0) continue;
    const places = positions.map(({ topic, partition, offset }) => `${topic}-${partition} from offset ${offset}`);
    logger.info(
      { source: source.name, partitions: positions.length },
      `stream ${source.name} reads${listOf(places, " ")}`,
    );
  }
}

function statesOf(states: World["states"]): string {
  const each = Object.entries(states).map(([name, partitions]) => {
    const bytes = partitions.flat().reduce((sum, { length }) => sum + length, 0);
    return `${name} (${countText(partitions.length, "partition")}, ${countText(bytes, "byte")})`;
  });
  return listOf(each, ", states: ");
}

const rangeText = ({ topic, partition, fromOffset, untilOffset }: OffsetRange) =>
  `${topic}-${partition} [${fromOffset} -> ${untilOffset}]`;

/** Nothing for nothing. */
export function listOf(texts: readonly string[], before: string): string {
  if (texts.length === 0) return "";
  const more = texts.length > SHOWN_MOST ? ` and ${texts.length - SHOWN_MOST} more` : "";
  return `${before}${texts.slice(0, SHOWN_MOST).join(", ")}${more}`;
}
