import { readdirSync, readFileSync } from "node:fs";
import { usageOf } from "./process-watch.ts";

/** What a process and all that it started have used. Linux only: elsewhere everything is 0. */
export interface TreeUsage {
  /** User and system time, of processes that have ended too. */
  readonly cpuSeconds: number;
  /** Resident now, summed: pages that two processes share count twice. */
  readonly rssBytes: number;
}

const TICKS_PER_SECOND = 100;

export function treeUsage(root: number): TreeUsage {
  const ticksOf = new Map<number, number>();
  const childrenOf = new Map<number, number[]>();
  for (const name of readdirIfThere("/proc")) {
    const pid = Number(name);
    if (!Number.isInteger(pid)) continue;
    const stat = statOf(pid);
    if (stat === undefined) continue;
    ticksOf.set(pid, stat.ticks);
    const siblings = childrenOf.get(stat.parent);
    if (siblings === undefined) childrenOf.set(stat.parent, [pid]);
    else siblings.push(pid);
  }
  let ticks = 0;
  let rssBytes = 0;
  const left = [root];
  for (let pid = left.pop(); pid !== undefined; pid = left.pop()) {
    ticks += ticksOf.get(pid) ?? 0;
    rssBytes += usageOf(pid)?.rssBytes ?? 0;
    left.push(...(childrenOf.get(pid) ?? []));
  }
  return { cpuSeconds: ticks / TICKS_PER_SECOND, rssBytes };
}

/** Its parent, and the time of itself and of its children that have ended. */
function statOf(pid: number): { parent: number; ticks: number } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
    return { parent: Number(fields[1]), ticks };
  } catch {
    return undefined;
  }
}

function readdirIfThere(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
