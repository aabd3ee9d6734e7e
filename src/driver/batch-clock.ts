import type { Clock } from "../model/clock.ts";
import type { Time } from "../model/duration.ts";

/** When the next batch is due. */
export interface BatchClock {
  /** Waits for the tick of the batch after `last`. Rejects when `signal` is aborted. */
  next(last: Time | undefined, signal: AbortSignal): Promise<Time>;
}

/**
 * A batch at each multiple of the interval since the epoch. While a batch takes longer than the interval, ticks are missed; the next
 * batch then takes the latest tick and starts at once, with all that has arrived meanwhile. Times rise also when the clock is set back.
 */
export function intervalClock(clock: Clock, intervalMs: number): BatchClock {
  const tickBefore = (time: number) => Math.floor(time / intervalMs) * intervalMs;
  return {
    async next(last, signal) {
      const now = clock.now();
      const time =
        last === undefined ? tickBefore(now) + intervalMs : Math.max(tickBefore(now), tickBefore(last) + intervalMs);
      await clock.sleepUntil(time, signal);
      return time;
    },
  };
}

/** One batch after the other, without a pause. */
export function unpausedClock(clock: Clock): BatchClock {
  return {
    async next(last) {
      return last === undefined ? clock.now() : Math.max(clock.now(), last + 1);
    },
  };
}
