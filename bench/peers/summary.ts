import { median } from "../statistics.ts";
import type { PeerHeat, PreparedPeer } from "./peer.ts";
import type { Phase, Sample } from "./tournament.ts";

/** One system in one phase of one workload. Rates are medians over the samples, in records per second. */
export interface PeerSummary {
  readonly bench: "peers";
  readonly workload: string;
  readonly codec: string;
  readonly competitor: string;
  readonly versions: Readonly<Record<string, string>>;
  readonly phase: Phase;
  readonly records: number;
  readonly threads: number;
  readonly batches: number;
  readonly samples: number;
  readonly recordsPerSecond: number;
  readonly slowest: number;
  readonly fastest: number;
  readonly cpuSecondsPerMillion: number;
  /** Of the whole process tree. */
  readonly peakRssBytes: number;
  /** How many times as fast millrace is. */
  readonly millraceTimes: number;
}

const phases: readonly Phase[] = ["cold", "warm"];

export function summarize(
  { workload, codec, records, threads, batches }: PeerHeat,
  contestants: readonly (readonly [string, PreparedPeer])[],
  samples: readonly Sample[],
): PeerSummary[] {
  return phases.flatMap((phase) => {
    const ratesOf = (name: string) =>
      samples.filter((sample) => sample.peer === name && sample.phase === phase).map((s) => s.recordsPerSecond);
    const ours = median(ratesOf("millrace"));
    return contestants.flatMap(([competitor, { versions }]): PeerSummary[] => {
      const own = samples.filter((sample) => sample.peer === competitor && sample.phase === phase);
      if (own.length === 0) return [];
      const rates = ratesOf(competitor);
      return [
        {
          bench: "peers",
          ...{ workload, codec, competitor, versions, phase, records, threads, batches, samples: own.length },
          recordsPerSecond: Math.round(median(rates)),
          slowest: Math.round(Math.min(...rates)),
          fastest: Math.round(Math.max(...rates)),
          cpuSecondsPerMillion: rounded(median(own.map((sample) => sample.cpuSecondsPerMillion))),
          peakRssBytes: Math.max(...own.map((sample) => sample.peakRssBytes)),
          millraceTimes: rounded(ours / median(rates)),
        },
      ];
    });
  });
}

const rounded = (value: number) => Number(value.toFixed(3));

const header = ["workload", "codec", "phase", "system", "M records/s", "slowest-fastest", "CPU s per M", "peak MB"];

/** A Markdown table, the fastest first. */
export function table(summaries: readonly PeerSummary[]): string {
  const groups = Map.groupBy(summaries, ({ workload, codec, phase }) => `${workload} ${codec} ${phase}`);
  const rows = [...groups.values()].flatMap((group) =>
    group.toSorted((a, b) => b.recordsPerSecond - a.recordsPerSecond).map(row),
  );
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line([...header, "millrace is"]), line([...header, ""].map(() => "---")), ...rows.map(line)].join("\n");
}

function row(summary: PeerSummary): string[] {
  return [
    summary.workload,
    summary.codec,
    summary.phase,
    summary.competitor,
    millions(summary.recordsPerSecond),
    `${millions(summary.slowest)}-${millions(summary.fastest)}`,
    summary.cpuSecondsPerMillion.toFixed(2),
    (summary.peakRssBytes / 1e6).toFixed(0),
    summary.competitor === "millrace" ? "" : `${summary.millraceTimes.toFixed(1)} times as fast`,
  ];
}

const millions = (value: number) => (value / 1e6).toFixed(2);
