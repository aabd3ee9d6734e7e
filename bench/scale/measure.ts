import { spawn } from "node:child_process";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { watchProcess } from "../process-watch.ts";
import type { BatchLine, ScaleHeat } from "./talk.ts";

export interface Measured {
  readonly batches: readonly BatchLine[];
  /** From the plan of each batch to its end, added up. */
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly peakRssBytes: number;
}

/** Runs the job to its end. Every record must have been in a batch. */
export async function measure(heat: ScaleHeat, records: number): Promise<Measured> {
  const program = join(import.meta.dirname, "program.ts");
  const child = spawn(process.execPath, [program, JSON.stringify(heat)], { stdio: ["ignore", "pipe", "inherit"] });
  const [{ exitCode, cpuSeconds, peakRssBytes }, stdout] = await Promise.all([watchProcess(child), text(child.stdout)]);
  if (exitCode !== 0) throw new Error(`the job on ${heat.topic} ended with ${exitCode}`);
  const batches = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as BatchLine);
  const read = batches.reduce((sum, batch) => sum + batch.records, 0);
  if (read !== records) throw new Error(`the job read ${read} of ${records} records of ${heat.topic}`);
  const seconds = batches.reduce((sum, batch) => sum + batch.processingMs, 0) / 1000;
  return { batches, seconds, cpuSeconds, peakRssBytes };
}
