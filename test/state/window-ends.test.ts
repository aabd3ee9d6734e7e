import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { intervalClock, passingNoWindow, unpausedClock } from "../../src/driver/batch-clock.ts";
import { dueWindow, paneOf, panesOf } from "../../src/state/windowed.ts";

const INTERVAL_MS = 1000;

test("whatever the clock does, each batch is in a window that comes, when windows are no shorter than their slide", async () => {
  const multiple = fc.integer({ min: 1, max: 6 }).map((n) => n * INTERVAL_MS);
  // How long each batch takes, or how far the clock is set back.
  const steps = fc.array(fc.integer({ min: -9_000, max: 30_000 }), { minLength: 1, maxLength: 40 });
  // After so many batches one is left out.
  const everySo = fc.integer({ min: 2, max: 5 });
  await fc.assert(
    fc.asyncProperty(multiple, multiple, fc.boolean(), steps, everySo, async (a, b, paused, durations, leftOut) => {
      const panes = panesOf(Math.max(a, b), Math.min(a, b));
      const slideMs = Math.min(a, b);
      let now = 100_500;
      const clock = {
        now: () => now,
        sleepUntil: async (time: number) => {
          now = Math.max(now, time);
        },
      };
      const unguarded = paused ? intervalClock(clock, INTERVAL_MS) : unpausedClock(clock, INTERVAL_MS);
      const batches = passingNoWindow(unguarded, [panes]);
      const waiting = new Set<number>();
      const { signal } = new AbortController();
      let last: number | undefined;
      let complete: number | undefined;
      for (const [i, duration] of durations.entries()) {
        const time = await batches.next(last, signal, complete);
        assert.ok(last === undefined || time > last, "batch times rise");
        last = time;
        now += duration;
        const due = dueWindow(panes, time, complete);
        const isDue = (batch: number) =>
          due !== undefined && paneOf(panes, batch) >= due.first && paneOf(panes, batch) <= due.last;
        if (i % leftOut === 1) {
          // Its window comes with the next batch, unless that one ends the next window already.
          const isLost = due !== undefined && batches.after(time) >= due.last * panes.paneMs + slideMs;
          if (isLost) for (const batch of waiting) if (isDue(batch)) waiting.delete(batch);
          continue;
        }
        waiting.add(time);
        for (const batch of waiting) {
          if (isDue(batch)) waiting.delete(batch);
          else assert.ok(time < batch + 2 * slideMs, `the batch at ${batch} is in no window up to ${time}`);
        }
        complete = time;
      }
    }),
    { numRuns: 500 },
  );
});
