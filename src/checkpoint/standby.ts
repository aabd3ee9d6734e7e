import type { Clock } from "../model/clock.ts";
import { MillraceError } from "../model/errors.ts";
import type { Entry } from "./entry.ts";
import { decodeSegment } from "./framing.ts";
import { epochsIn, segmentName } from "./sealed-log.ts";
import type { CheckpointStore } from "./store.ts";

export interface Standby {
  readonly clock: Clock;
  /** A driver that has written nothing for so long counts as gone. */
  readonly silenceMs: number;
  readonly signal: AbortSignal;
}

/** How often a standby looks. */
const POLL_MS = 500;

/**
 * Waits until no other driver works on the checkpoint: the last one has released it, or has written nothing for too long. To be wrong does no
 * harm: whoever takes over fences the other. @returns why it is our turn
 */
export async function awaitTurn(
  store: CheckpointStore,
  { clock, silenceMs, signal }: Standby,
): Promise<"free" | "released" | "silent"> {
  let seen = "";
  let since = clock.now();
  while (true) {
    const epoch = Math.max(0, ...(await epochsIn(store)));
    if (epoch === 0) return "free";
    const bytes = await store.read(segmentName(epoch));
    const { entries } = decodeSegment<Entry>(bytes, `${store.place}/${segmentName(epoch)}`);
    if (entries.at(-1)?.type === "release") return "released";
    const found = `${epoch} ${bytes.length}`;
    if (found !== seen) {
      seen = found;
      since = clock.now();
    }
    // A clock that was set back must not put off the take-over by as much.
    since = Math.min(since, clock.now());
    if (clock.now() - since >= silenceMs) return "silent";
    await clock
      .sleepUntil(clock.now() + POLL_MS, signal)
      .catch((error) => Promise.reject(signal.aborted ? stopped() : error));
  }
}

const stopped = () =>
  new MillraceError("STOPPED", "The driver was stopped while it waited for its turn.", {
    hint: "It has done nothing. Another driver works on the checkpoint.",
  });
