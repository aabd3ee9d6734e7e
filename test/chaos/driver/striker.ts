import assert from "node:assert/strict";
import { closeSync, openSync } from "node:fs";
import type { DiskFault } from "../../helpers/fault-disk.ts";

/** What happens to a driver's process, or to one of its threads, at a named point; chosen by the schedule. */
export interface Strike {
  readonly point: string;
  /** The how manieth visit of the point, counted in each thread. */
  readonly occurrence: number;
  readonly fault: "SIGKILL" | "SIGSTOP" | "a task fails" | "a thread exits" | "a heap is full" | DiskFault;
  /** A file that is made when it has happened: once, whichever thread comes first. */
  readonly marker: string;
}

/** Carries out a strike where the code under it says that it has come to a point. */
export class Striker {
  readonly #strike: Strike | undefined;
  #visits = 0;

  constructor(strike: Strike | undefined) {
    this.#strike = strike;
  }

  reach(point: string): void {
    const fault = this.#due(point);
    assert(!isDiskFault(fault), `the disk is not at ${point}`);
    if (fault !== undefined) carryOut(fault);
  }

  /** The same before a request to the disk. @returns what the disk itself does to it. */
  reachDisk(step: "write" | "sync"): DiskFault | undefined {
    const fault = this.#due(`disk: ${step}`);
    if (isDiskFault(fault)) return fault;
    if (fault !== undefined) carryOut(fault);
    return undefined;
  }

  #due(point: string): Strike["fault"] | undefined {
    const strike = this.#strike;
    if (strike?.point !== point || ++this.#visits < strike.occurrence || !claim(strike.marker)) return undefined;
    return strike.fault;
  }
}

const isDiskFault = (fault: Strike["fault"] | undefined): fault is DiskFault =>
  fault === "EIO" || fault === "ENOSPC" || fault === "short write";

function carryOut(fault: Exclude<Strike["fault"], DiskFault>): void {
  switch (fault) {
    case "SIGKILL":
      process.kill(process.pid, "SIGKILL");
      wait(60_000);
      break;
    case "SIGSTOP":
      process.kill(process.pid, "SIGSTOP");
      // The signal may take a moment to reach all threads. Once it has, this time passes while the process stands still.
      wait(200);
      break;
    case "a task fails":
      throw new Error("struck by the schedule");
    case "a thread exits":
      process.exit(1);
      break;
    case "a heap is full":
      fillHeap();
  }
}

function claim(marker: string): boolean {
  try {
    closeSync(openSync(marker, "wx"));
    return true;
  } catch {
    return false;
  }
}

/** Nothing of this thread goes on meanwhile. */
function wait(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

function fillHeap(): never {
  const kept: object[] = [];
  for (;;) kept.push(Array.from({ length: 1_000 }, (_, i) => ({ i })));
}
