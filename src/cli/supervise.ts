import { type Clock, systemClock } from "../model/clock.ts";
import type { ChildEnd } from "./child.ts";

const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 60_000;
/** A driver that has run this long did not fail at its start: the next pause is short again. */
const STEADY_MS = 60_000;

/** Ended well, a wrong option: starting again would not help. */
const FINAL_CODES = new Set([0, 2]);

/** Replaced by another driver: starting again would take the checkpoint back, unless it waits for its turn. */
const FENCED = 3;

/**
 * Starts a driver again whenever it ends by a failure, after pauses that double up to a minute. With a checkpoint it goes on where the
 * last one stood. @returns the exit code of the last one
 */
export async function supervise(
  start: () => Promise<ChildEnd>,
  { standby = false, clock = systemClock }: { standby?: boolean; clock?: Clock } = {},
): Promise<number> {
  const stop = new AbortController();
  const ask = () => stop.abort();
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 2)) {
    const startedAt = clock.now();
    const { code, stopAsked } = await start();
    if (FINAL_CODES.has(code) || stopAsked || (code === FENCED && !standby)) return code;
    if (clock.now() - startedAt > STEADY_MS) pauseMs = FIRST_PAUSE_MS;
    process.stderr.write(`The driver ended with code ${code}; it starts again in ${pauseMs / 1000} s.\n`);
    process.once("SIGINT", ask).once("SIGTERM", ask);
    try {
      await clock.sleepUntil(clock.now() + pauseMs, stop.signal);
    } catch {
      return code;
    } finally {
      process.off("SIGINT", ask).off("SIGTERM", ask);
    }
  }
}
