import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";

/** What a whole process took, threads included. */
export interface ProcessUsage {
  /** From its start to its end. */
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly peakRssBytes: number;
}

const SAMPLE_MS = 20;
/** Linux counts in these on every machine that Node runs on. */
const TICKS_PER_SECOND = 100;

/** Watches a process that was just spawned. Resolves when it has ended; what it used in its last moments may be missing. */
export async function watchProcess(child: ChildProcess): Promise<ProcessUsage & { exitCode: number | null }> {
  const started = performance.now();
  let cpuSeconds = 0;
  let peakRssBytes = 0;
  const sample = () => {
    const usage = usageOf(child.pid!);
    if (usage === undefined) return;
    cpuSeconds = Math.max(cpuSeconds, usage.cpuSeconds);
    peakRssBytes = Math.max(peakRssBytes, usage.peakRssBytes);
  };
  const timer = setInterval(sample, SAMPLE_MS);
  const [exitCode] = (await once(child, "exit")) as [number | null];
  clearInterval(timer);
  return { seconds: (performance.now() - started) / 1000, cpuSeconds, peakRssBytes, exitCode };
}

/** So far; undefined when the process is gone, or where there is no /proc. */
export function usageOf(pid: number): { cpuSeconds: number; peakRssBytes: number; rssBytes: number } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const [, , , , , , , , , , , user, system] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    const kibibytes = (field: string) => Number(new RegExp(`${field}:\\s+(\\d+) kB`).exec(status)?.[1] ?? 0);
    return {
      cpuSeconds: (Number(user) + Number(system)) / TICKS_PER_SECOND,
      peakRssBytes: kibibytes("VmHWM") * 1024,
      rssBytes: kibibytes("VmRSS") * 1024,
    };
  } catch {
    return undefined;
  }
}
