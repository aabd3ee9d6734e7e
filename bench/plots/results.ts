import { readFileSync } from "node:fs";
import type { LatencyResult } from "../latency/measure.ts";
import type { PeerSummary } from "../peers/summary.ts";
import type { ScaleResult } from "../scale/rows.ts";
import type { Summary } from "../summary.ts";

/** What stands beside each figure. */
export interface About {
  readonly machine: string;
  readonly date: string;
}

export type LimitLine = Summary & About;
export type PeerLine = PeerSummary & About;
export type LatencyLine = LatencyResult &
  About & { readonly fdatasync: { readonly p50: number; readonly p99: number } };
export type ScaleLine = ScaleResult & About;

/**
 * The newest line of each figure in results.jsonl, of the machine that was measured last: what two machines did is no ratio. A line without
 * `bench` is one of `npm run bench`.
 */
export interface Results {
  readonly limit: readonly LimitLine[];
  readonly peers: readonly PeerLine[];
  readonly latency: readonly LatencyLine[];
  readonly scale: readonly ScaleLine[];
}

type Line = Record<string, unknown> & About;

export function readResults(file: string): Results {
  const lines = readFileSync(file, "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Line);
  const of = (bench: string | undefined) => lines.filter((line) => line.bench === bench);
  const limit = of(undefined).filter(({ competitor }) => competitor !== undefined);
  return {
    limit: newest(limit, "workload", "codec", "competitor", "phase") as unknown as LimitLine[],
    peers: newest(of("peers"), "workload", "codec", "competitor", "phase") as unknown as PeerLine[],
    latency: newest(of("latency"), "system", "sink", "trigger", "rate") as unknown as LatencyLine[],
    scale: newest(of("scale"), "row", "at") as unknown as ScaleLine[],
  };
}

function newest(lines: readonly Line[], ...key: readonly string[]): Line[] {
  const last = lines.reduce<Line | undefined>((a, b) => (a === undefined || a.date <= b.date ? b : a), undefined);
  const found = new Map<string, Line>();
  for (const line of lines) {
    if (line.machine !== last?.machine) continue;
    const name = key.map((field) => line[field]).join(" ");
    const known = found.get(name);
    if (known === undefined || known.date <= line.date) found.set(name, line);
  }
  return [...found.values()];
}
