import type { Clock } from "../model/clock.ts";
import type { Time } from "../model/duration.ts";
import type { Panes } from "../state/program.ts";
import { endPassedOver } from "../state/windowed.ts";

/** When the next batch is due. */
export interface BatchClock {
  /** Waits for the tick of the batch after `last`. Rejects when `signal` is aborted. */
  next(last: Time | undefined, signal: AbortSignal): Promise<Time>;
}

/**
 * A batch at each multiple of the interval since the epoch. While a batch takes longer than the interval, ticks are missed; the next
 * batch then takes the latest tick and starts at once, with all that has arrived meanwhile. When the clock is set back, times go on
 * rising by one interval a tick, ahead of the clock until it has caught up: a batch time is a label, and waiting would hold up the data.
 */
export function intervalClock(clock: Clock, intervalMs: number): BatchClock {
  const tickBefore = (time: number) => Math.floor(time / intervalMs) * intervalMs;
  return {
    async next(last, signal) {
      const now = clock.now();
      const nextTick = tickBefore(now) + intervalMs;
      const due = last === undefined ? nextTick : tickBefore(last) + intervalMs;
      if (tickBefore(now) > due) return tickBefore(now);
      const wasSetBack = due - now > 2 * intervalMs;
      await clock.sleepUntil(wasSetBack ? nextTick : due, signal);
      return due;
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

/**
 * After a stall or a time without a driver, a batch at the end of the window that was not given, before the one at the latest tick: else what
 * came before the stall would be in no window at all. As in Spark, that first batch takes what has arrived meanwhile.
 */
export function passingNoWindow(clock: BatchClock, windows: readonly Panes[]): BatchClock {
  if (windows.length === 0) return clock;
  return {
    async next(last, signal) {
      const time = await clock.next(last, signal);
      if (last === undefined) return time;
      return windows.reduce((earliest, panes) => Math.min(earliest, endPassedOver(panes, last, time) ?? time), time);
    },
  };
}
