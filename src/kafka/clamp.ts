import type { BatchLimits } from "../graph/source.ts";

/** What is there of one partition: from where the stream stands to the latest offset. */
export interface Backlog {
  readonly position: number;
  readonly latest: number;
}

/**
 * Where the next batch ends in each partition. By rate: at most `maxRatePerPartition` records per second of the interval, and at
 * least one. By size: when all that would make more than `maxBytes`, each partition gets its share in proportion to what it has.
 */
export function clamp(backlogs: readonly Backlog[], limits: BatchLimits, bytesPerOffset: number): number[] {
  const { intervalMs, maxRatePerPartition, maxBytes } = limits;
  const perPartition =
    maxRatePerPartition === undefined
      ? Number.POSITIVE_INFINITY
      : Math.max(1, Math.floor((maxRatePerPartition * intervalMs) / 1000));
  const counts = backlogs.map(({ position, latest }) => Math.min(latest - position, perPartition));
  const total = counts.reduce((sum, count) => sum + count, 0);
  const share = Math.min(1, maxBytes / (total * bytesPerOffset || 1));
  return backlogs.map(
    ({ position }, i) => position + (counts[i]! === 0 ? 0 : Math.max(1, Math.floor(counts[i]! * share))),
  );
}
