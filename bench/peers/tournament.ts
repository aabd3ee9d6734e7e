import type { PeerHeat, PreparedPeer } from "./peer.ts";
import { type Pass, Program } from "./program.ts";

/** `cold`: the first batch of a fresh process that has loaded everything. `warm`: later batches of later passes. */
export type Phase = "cold" | "warm";

export interface Sample {
  readonly peer: string;
  readonly phase: Phase;
  readonly recordsPerSecond: number;
  readonly cpuSecondsPerMillion: number;
  readonly peakRssBytes: number;
}

/** A system that takes part, by name. */
export type Contestant = readonly [name: string, prepared: PreparedPeer];

export interface TournamentOptions {
  readonly repetitions: number;
  /** Passes after the cold one, of the same process. */
  readonly warmPasses: number;
  /** Makes an empty topic for a pass to write to. */
  createOutputTopic(): Promise<string>;
  digestOfTopic(topic: string): Promise<string>;
  onProgress(line: string): void;
}

export interface Outcome {
  readonly samples: readonly Sample[];
  /** Systems that broke down or computed something else, with what happened. None of their samples are kept. */
  readonly failures: ReadonlyMap<string, string>;
}

/** Of the rehearsal: until a broker that has just been started is as fast as it gets. */
const REHEARSAL_PASSES = 3;

/**
 * Runs all systems in turn, one process at a time, and all of them again for each repetition, so that all meet the same noise. The first
 * contestant says what the result is, in a rehearsal that does not count: it would meet a broker that is slower than the others meet.
 */
export async function tournament(
  heat: PeerHeat,
  contestants: readonly Contestant[],
  options: TournamentOptions,
): Promise<Outcome> {
  const samples: Sample[] = [];
  const failures = new Map<string, string>();
  const rehearsal = { ...options, warmPasses: REHEARSAL_PASSES - 1 };
  let expected: string;
  const [first] = contestants;
  if (first === undefined) return { samples, failures };
  try {
    expected = (await freshProcess(...first, heat, rehearsal)).digest;
  } catch (error) {
    options.onProgress(`  ${first[0]} failed: ${(error as Error).message}`);
    return { samples, failures: failures.set(first[0], (error as Error).message) };
  }
  for (let repetition = 0; repetition < options.repetitions; repetition++) {
    for (const [name, prepared] of contestants) {
      if (failures.has(name)) continue;
      try {
        const run = await freshProcess(name, prepared, heat, options);
        if (run.digest !== expected) throw new Error(`another result: ${run.digest}, not ${expected}`);
        samples.push(...run.samples);
        options.onProgress(`  ${name}: ${run.samples.map(shown).join(", ")}`);
      } catch (error) {
        failures.set(name, (error as Error).message);
        options.onProgress(`  ${name} failed: ${(error as Error).message}`);
      }
    }
  }
  return { samples: samples.filter(({ peer }) => !failures.has(peer)), failures };
}

async function freshProcess(
  name: string,
  prepared: PreparedPeer,
  heat: PeerHeat,
  { warmPasses, createOutputTopic, digestOfTopic }: TournamentOptions,
): Promise<{ digest: string; samples: Sample[] }> {
  const program = await Program.start(name, prepared.command(heat));
  try {
    const passes: Pass[] = [];
    for (let i = 0; i <= warmPasses; i++) {
      const topic = heat.workload === "copy" ? await createOutputTopic() : "";
      const { batchSeconds, cpuSeconds, digest } = await program.pass(topic);
      passes.push({ batchSeconds, cpuSeconds, digest: topic === "" ? digest : await digestOfTopic(topic) });
    }
    const different = passes.find(({ digest }) => digest !== passes[0]!.digest);
    if (different) throw new Error(`two passes differ: ${passes[0]!.digest} and ${different.digest}`);
    await program.end();
    const samples = passes.map(({ batchSeconds, cpuSeconds }, i): Sample => {
      const phase = i === 0 ? "cold" : "warm";
      return {
        peer: name,
        phase,
        recordsPerSecond: rateOf(phase, batchSeconds, heat.records),
        cpuSecondsPerMillion: cpuSeconds / (heat.records / 1e6),
        peakRssBytes: program.peakRssBytes,
      };
    });
    return { digest: passes[0]!.digest, samples };
  } finally {
    await program.end();
  }
}

/** Where there are batches, a cold rate is that of the first one, and a warm rate that of the second half of them. */
function rateOf(phase: Phase, batchSeconds: readonly number[], records: number): number {
  const ofPhase = phase === "cold" ? batchSeconds.slice(0, 1) : batchSeconds.slice(Math.floor(batchSeconds.length / 2));
  const seconds = ofPhase.reduce((sum, batch) => sum + batch, 0);
  return (records * ofPhase.length) / batchSeconds.length / seconds;
}

const shown = ({ phase, recordsPerSecond }: Sample) => `${phase} ${(recordsPerSecond / 1e6).toFixed(2)} M/s`;
