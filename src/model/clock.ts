import { setTimeout as delay } from "node:timers/promises";

/** Time as the driver sees it. Tests hold one that only moves when they say so. */
export interface Clock {
  now(): number;
  /** Resolves at `time`, at once when that has passed. Rejects with the signal's reason when aborted. */
  sleepUntil(time: number, signal: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  async sleepUntil(time, signal) {
    // A timer may fire up to a millisecond before the wall clock gets there. When there is more to wait than before, that clock was set back.
    for (let before = Infinity, left = time - Date.now(); left > 0 && left < before; left = time - Date.now()) {
      await delay(left, undefined, { signal });
      before = left;
    }
  },
};
