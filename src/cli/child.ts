import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

export interface ChildEnd {
  /** 1 for a child that a signal has ended. */
  readonly code: number;
  /** The one that has ended the child. */
  readonly signal: NodeJS.Signals | undefined;
  /** Whether this process was asked to stop meanwhile. */
  readonly stopAsked: boolean;
}

const SIGNALS = ["SIGINT", "SIGTERM"] as const;

/** This program once more, in a process of its own. What asks this process to stop is passed on; a job takes Ctrl-C twice for once. */
export async function runChild(nodeOptions: readonly string[], args: readonly string[]): Promise<ChildEnd> {
  const main = fileURLToPath(new URL("./main", import.meta.url)) + (import.meta.url.endsWith(".ts") ? ".ts" : ".js");
  const child = spawn(process.execPath, [...nodeOptions, main, ...args], { stdio: "inherit" });
  let stopAsked = false;
  const forward = (signal: NodeJS.Signals) => {
    stopAsked = true;
    child.kill(signal);
  };
  for (const signal of SIGNALS) process.on(signal, forward);
  try {
    const [code, signal] = (await once(child, "exit")) as [number | null, NodeJS.Signals | null];
    return { code: code ?? 1, signal: signal ?? undefined, stopAsked };
  } finally {
    for (const signal of SIGNALS) process.off(signal, forward);
  }
}
