import { type Build, Competitor } from "./competitor.ts";
import type { Heat } from "./contest.ts";
import { runJavaConsumer } from "./java.ts";
import type { ProcessUsage } from "./process-watch.ts";

export type Name = "limit" | "engine" | "java";

/**
 * `process`: from the command to its end. `cold`: the first pass of a fresh process that has loaded everything. `warm`: later passes.
 */
export type Phase = "process" | "cold" | "warm";

export interface Sample {
  readonly competitor: Name;
  readonly phase: Phase;
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly peakRssBytes: number;
}

export interface RaceOptions {
  /** Fresh processes of each competitor. */
  readonly repetitions: number;
  /** Passes that count, of one process each. */
  readonly warmPasses: number;
  /** Passes before those. */
  readonly warmUpPasses: number;
  readonly java: boolean;
  readonly build: Build;
}

/**
 * Runs all competitors in turn, so that all meet the same noise. The results of limit and engine must be equal. The first process does not
 * count: it would meet a broker that has just been started, and is slower than the others meet.
 */
export async function race(heat: Heat, options: RaceOptions): Promise<Sample[]> {
  const samples: Sample[] = [];
  const check = digestChecker(heat);
  await freshProcess("limit", heat, options.build, check);
  for (let repetition = 0; repetition < options.repetitions; repetition++) {
    for (const competitor of ["limit", "engine"] as const)
      samples.push(...(await freshProcess(competitor, heat, options.build, check)));
    if (options.java) samples.push({ competitor: "java", phase: "process", ...(await runJavaConsumer(heat)) });
  }
  samples.push(...(await warmPasses(heat, options, check)));
  return samples;
}

type Check = (competitor: Name, digest: string) => void;

async function freshProcess(competitor: "limit" | "engine", heat: Heat, build: Build, check: Check): Promise<Sample[]> {
  const runner = await Competitor.start(competitor, heat, build);
  const { digest, ...pass } = await runner.pass();
  const usage = await runner.end();
  check(competitor, digest);
  return [sampleOf(competitor, "process", usage, usage), sampleOf(competitor, "cold", pass, usage)];
}

async function warmPasses(
  heat: Heat,
  { warmUpPasses, warmPasses, build }: RaceOptions,
  check: Check,
): Promise<Sample[]> {
  if (warmPasses === 0) return [];
  const limit = await Competitor.start("limit", heat, build);
  const engine = await Competitor.start("engine", heat, build);
  const passes: { competitor: Name; seconds: number; cpuSeconds: number }[] = [];
  for (let round = 0; round < warmUpPasses + warmPasses; round++) {
    for (const [competitor, runner] of [
      ["limit", limit],
      ["engine", engine],
    ] as const) {
      const { digest, ...pass } = await runner.pass();
      check(competitor, digest);
      if (round >= warmUpPasses) passes.push({ competitor, ...pass });
    }
  }
  const usages = { limit: await limit.end(), engine: await engine.end() };
  return passes.map(({ competitor, ...pass }) => sampleOf(competitor, "warm", pass, usages[competitor as "limit"]));
}

function sampleOf(
  competitor: Name,
  phase: Phase,
  { seconds, cpuSeconds }: { seconds: number; cpuSeconds: number },
  { peakRssBytes }: ProcessUsage,
): Sample {
  return { competitor, phase, seconds, cpuSeconds, peakRssBytes };
}

function digestChecker({ workload, topic }: Heat): Check {
  let expected: string | undefined;
  return (competitor, digest) => {
    expected ??= digest;
    if (digest !== expected) {
      throw new Error(`${competitor} computed another result for ${workload} of ${topic}: ${digest}, not ${expected}`);
    }
  };
}
