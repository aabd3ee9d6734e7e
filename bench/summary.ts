import type { Heat } from "./contest.ts";
import type { Name, Phase, Sample } from "./race.ts";
import { median, medianRatio } from "./statistics.ts";

/** One competitor in one phase of one race. Rates are medians over the samples. */
export interface Summary {
  readonly workload: string;
  readonly codec: string;
  readonly competitor: Name;
  readonly phase: Phase;
  readonly records: number;
  readonly threads: number;
  readonly samples: number;
  readonly recordsPerSecond: number;
  readonly slowest: number;
  readonly fastest: number;
  readonly cpuSeconds: number;
  readonly cpuSecondsPerMillion: number;
  readonly peakRssBytes: number;
  /** By time and by CPU; only of the engine. */
  readonly ofLimit?: number;
  readonly cpuOfLimit?: number;
  readonly timesJava?: number;
}

const phases: readonly Phase[] = ["process", "cold", "warm"];
const names: readonly Name[] = ["limit", "engine", "java"];

export function summarize({ workload, codec, records, threads }: Heat, samples: readonly Sample[]): Summary[] {
  const of = (competitor: Name, phase: Phase) =>
    samples.filter((sample) => sample.competitor === competitor && sample.phase === phase);
  return phases.flatMap((phase) =>
    names.flatMap((competitor): Summary[] => {
      const own = of(competitor, phase);
      if (own.length === 0) return [];
      const seconds = own.map((sample) => sample.seconds);
      const cpuSeconds = own.map((sample) => sample.cpuSeconds);
      const limit = of("limit", phase);
      const java = of("java", phase);
      const isEngine = competitor === "engine";
      return [
        {
          workload,
          codec,
          competitor,
          phase,
          records,
          threads,
          samples: own.length,
          recordsPerSecond: Math.round(records / median(seconds)),
          slowest: Math.round(records / Math.max(...seconds)),
          fastest: Math.round(records / Math.min(...seconds)),
          cpuSeconds: rounded(median(cpuSeconds)),
          cpuSecondsPerMillion: rounded(median(cpuSeconds) / (records / 1e6)),
          peakRssBytes: Math.max(...own.map((sample) => sample.peakRssBytes)),
          ...(isEngine && {
            ofLimit: rounded(
              medianRatio(
                limit.map((sample) => sample.seconds),
                seconds,
              ),
            ),
            cpuOfLimit: rounded(
              medianRatio(
                limit.map((sample) => sample.cpuSeconds),
                cpuSeconds,
              ),
            ),
          }),
          ...(isEngine &&
            java.length > 0 && {
              timesJava: rounded(
                medianRatio(
                  java.map((s) => s.seconds),
                  seconds,
                ),
              ),
            }),
        },
      ];
    }),
  );
}

const rounded = (value: number) => Number(value.toFixed(3));
