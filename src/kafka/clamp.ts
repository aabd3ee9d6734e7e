import type { BatchLimits } from "../graph/source.ts";
import type { TopicPartition } from "../model/offset-range.ts";
import { type PartitionRates, rateOf } from "../model/partition-rates.ts";

/** What is there of one partition: from where the stream stands to the latest offset. */
export interface Backlog extends TopicPartition {
  readonly position: number;
  readonly latest: number;
}

/**
 * Where the next batch ends in each partition.
 *
 * 1. A partition gives at most what `maxRatePerPartition` allows in an interval, and never less than one record.
 * 2. When all that is more than the stream may read in an interval, or more than `maxBytes`, each partition gets its share in proportion
 *    to what it would have given: so the one that is furthest behind gets most.
 * 3. Whoever has something gives at least `minRatePerPartition`, and never less than one record: nothing starves.
 */
export function clamp(backlogs: readonly Backlog[], limits: BatchLimits, bytesPerOffset: number): number[] {
  const { intervalMs, maxRatePerPartition, minRatePerPartition, maxRate = Number.POSITIVE_INFINITY, maxBytes } = limits;
  const perInterval = (rates: PartitionRates | undefined, backlog: Backlog) => {
    const rate = rateOf(rates, backlog);
    return rate === undefined ? undefined : (rate * intervalMs) / 1000;
  };
  const counts = backlogs.map((backlog) => {
    const most = perInterval(maxRatePerPartition, backlog);
    const lag = backlog.latest - backlog.position;
    return most === undefined ? lag : Math.min(lag, Math.max(1, Math.floor(most)));
  });
  const total = counts.reduce((sum, count) => sum + count, 0);
  const budget = Math.min((maxRate * intervalMs) / 1000, maxBytes / bytesPerOffset);
  const share = budget < total ? budget / total : 1;
  return backlogs.map((backlog, i) => {
    const count = counts[i]!;
    const least = Math.max(1, Math.ceil(perInterval(minRatePerPartition, backlog) ?? 1));
    return backlog.position + Math.min(count, Math.max(least, Math.floor(count * share)));
  });
}
