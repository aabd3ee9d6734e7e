import type { Codec } from "./data/record-batch.ts";
import type { Workload } from "./workloads.ts";

/** What a competitor's process is told, as one JSON argument. */
export interface Heat {
  readonly bootstrap: string;
  readonly topic: string;
  readonly workload: Workload;
  readonly codec: Codec;
  readonly records: number;
  /** 0 is for the engine alone: everything in one thread. */
  readonly threads: number;
}

/**
 * What it answers, one JSON line each. `ready`: threads are up and have loaded what they need. Then, for each line on its stdin, one
 * pass over the topic. At the end of stdin it leaves.
 */
export type Answer =
  | { readonly type: "ready" }
  | {
      readonly type: "pass";
      readonly seconds: number;
      readonly cpuSeconds: number;
      readonly digest: string;
    };

/** A competitor's side of that talk. `runPass` computes the result once. */
export function answer(line: Answer): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

export function heatFromArguments(): Heat {
  return JSON.parse(process.argv[2]!) as Heat;
}

/** Runs one pass and answers with what it took. */
export async function answerPass(run: () => Promise<string>): Promise<void> {
  const cpu = process.cpuUsage();
  const started = performance.now();
  const digest = await run();
  const seconds = (performance.now() - started) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  answer({ type: "pass", seconds, cpuSeconds: (user + system) / 1e6, digest });
}
