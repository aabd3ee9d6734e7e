import type { Clock } from "../../src/model/clock.ts";

export interface RushingClock extends Clock {
  readonly over: AbortSignal;
  /** Before a driver is started again: just before the time that its last batch waited for, as if no time had passed. */
  stepBack(): void;
}

/** From `start` on each time comes as soon as somebody waits for it, up to `end`; then `over` is aborted. Goes on where it stood when a driver is started again. */
export function rushingClock(end: number, start = 0): RushingClock {
  const over = new AbortController();
  let now = start;
  return {
    over: over.signal,
    now: () => now,
    stepBack: () => {
      now = Math.max(0, now - 1);
    },
    async sleepUntil(time, signal) {
      if (time <= end) {
        now = Math.max(now, time);
        return;
      }
      over.abort();
      signal.throwIfAborted();
      await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason), { once: true }));
    },
  };
}
