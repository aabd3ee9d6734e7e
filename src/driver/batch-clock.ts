import type { Clock } from "../model/clock.ts";
import type { Time } from "../model/duration.ts";
import type { Panes } from "../state/program.ts";
import { endPassedOver } from "../state/windowed.ts";

/** When the next batch is due. */
export interface BatchClock {
  /**
   * Waits for the tick of the batch after `last`. Windows are given up to the batch of `complete`, an earlier one when batches were left out since.
   * Rejects when `signal` is aborted.
   */
  next(last: Time | undefined, signal: AbortSignal, complete?: Time): Promise<Time>;
  /** The first time that a batch after `last` may have. */
  after(last: Time): Time;
}

/**
 * A batch at each multiple of the interval since the epoch. While a batch takes longer than the interval, ticks are missed; the next
 * batch then takes the latest tick and starts at once, with all that has arrived meanwhile. When the clock is set back, times go on
 * rising by one interval a tick, ahead of the clock until it has caught up: a batch time is a label, and waiting would hold up the data.
 */
export function intervalClock(clock: Clock, intervalMs: number): BatchClock {
  const tickBefore = (time: number) => Math.floor(time / intervalMs) * intervalMs;
  const after = (last: Time) => tickBefore(last) + intervalMs;
  return {
    after,
    async next(last, signal) {
      const now = clock.now();
      const nextTick = after(now);
      const due = last === undefined ? nextTick : after(last);
      if (tickBefore(now) > due) return tickBefore(now);
      const wasSetBack = due - now > 2 * intervalMs;
      await clock.sleepUntil(wasSetBack ? nextTick : due, signal);
      return due;
    },
  };
}

/**
 * One batch after the other, without a pause, at the time of the clock. When that is set back by more than two intervals, times go on at the pace of
 * the clock but ahead of it: else windows and time-outs would stand still until it has caught up.
 */
export function unpausedClock(clock: Clock, intervalMs: number): BatchClock {
  const after = (last: Time) => last + 1;
  let aheadMs = 0;
  return {
    after,
    async next(last) {
      const now = clock.now();
      if (last === undefined || last <= now) aheadMs = 0;
      else if (last - (now + aheadMs) > 2 * intervalMs) aheadMs = last - now;
      return last === undefined ? now : Math.max(now + aheadMs, after(last));
    },
  };
}

/** How many ticks passed between two batches without a batch of their own. */
export function missedTicks(last: Time | null, time: Time, intervalMs: number): number {
  return last === null ? 0 : Math.floor(time / intervalMs) - Math.floor(last / intervalMs) - 1;
}

/**
 * After a stall or a time without a driver, a batch at the end of the window that was not given, before the one at the latest tick: else what
 * came before the stall would be in no window at all. As in Spark, that first batch takes what has arrived meanwhile.
 */
export function passingNoWindow(clock: BatchClock, windows: readonly Panes[]): BatchClock {
  if (windows.length === 0) return clock;
  return {
    ...clock,
    async next(last, signal, complete = last) {
      const time = await clock.next(last, signal);
      if (last === undefined || complete === undefined) return time;
      const ends = windows.flatMap((panes) => endPassedOver(panes, complete, time) ?? []);
      // The batch at that end may be one that was left out.
      return Math.min(time, ...ends.map((end) => Math.max(end, clock.after(last))));
    },
  };
}
