import type { LatencyResult } from "./measure.ts";

/** The table of latencies, on stdout and in docs/performance.md. */
export const columns = [
  "system",
  "sink",
  "trigger",
  "records/s",
  "p50 ms",
  "p99 ms",
  "max ms",
  "commits/s",
  "fdatasync p50, p99 ms",
];

export function cellsOf(
  { system, sink, trigger, rate, p50, p99, max, commitsPerSecond }: LatencyResult,
  fdatasync: { readonly p50: number; readonly p99: number },
): (string | number)[] {
  const times = [p50, p99, max].map((ms) => ms.toFixed(1));
  return [
    system,
    sink,
    trigger,
    rate,
    ...times,
    commitsPerSecond,
    `${fdatasync.p50.toFixed(2)}, ${fdatasync.p99.toFixed(2)}`,
  ];
}
