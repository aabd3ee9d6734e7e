import { type Clock, systemClock } from "../model/clock.ts";
import { durationText } from "../model/duration.ts";
import type { Logger } from "../model/events.ts";
import type { ChildEnd } from "./child.ts";

const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 60_000;
/** A driver that has run this long did not fail at its start: the next pause is short again. */
const STEADY_MS = 60_000;

/** Replaced by another driver: starting again would take the checkpoint back, unless it waits for its turn. */
const FENCED = 3;

/** What starting again would not help. */
const FINAL: ReadonlyMap<number, string> = new Map([
  [2, "an option or the job is wrong, or somebody has to decide"],
  [FENCED, "another driver has taken over"],
]);

/**
 * Starts a driver again whenever it ends by a failure, after pauses that double up to a minute. With a checkpoint it goes on where the
 * last one stood. @returns the exit code of the last one
 */
export async function supervise(
  start: () => Promise<ChildEnd>,
  logger: Logger,
  { standby = false, clock = systemClock }: { standby?: boolean; clock?: Clock } = {},
): Promise<number> {
  const stop = new AbortController();
  const ask = () => stop.abort();
  let restart = 0;
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 2)) {
    const startedAt = clock.now();
    const { code, signal, stopAsked } = await start();
    if (code === 0 || stopAsked) return code;
    const ended =
      signal === undefined ? `the driver ended with exit code ${code}` : `the driver was ended by ${signal}`;
    const final = code === FENCED && standby ? undefined : FINAL.get(code);
    if (final !== undefined) {
      logger.error({ code }, `${ended}: ${final}. It is not started again`);
      return code;
    }
    if (clock.now() - startedAt > STEADY_MS) pauseMs = FIRST_PAUSE_MS;
    const next = `it starts again in ${durationText(pauseMs)} (restart ${++restart}); the pauses double up to ${durationText(LONGEST_PAUSE_MS)}`;
    logger.warn({ code, signal, restart, pauseMs }, `${ended}; ${next}`);
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
