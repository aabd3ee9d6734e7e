import { messageOf } from "../model/error-transfer.ts";
import { MillraceError } from "../model/errors.ts";

/** How long closing may take when nobody who stops the stream has said so. */
const CLOSE_MS_MAX = 30_000;
/** And after a stop by force: enough for sockets, not for a function that hangs. */
const CLOSE_MS_AFTER_FORCE = 1_000;

/**
 * Waits for what is closing. What takes too long leads to a stop by force, and what hangs even then is left behind.
 * @returns what failed
 */
export async function closeInTime(
  closing: readonly Promise<void>[],
  force: AbortSignal,
  stopByForce: () => void,
): Promise<unknown[]> {
  const failures: unknown[] = [];
  const closed = Promise.all(closing.map((one) => one.catch((error: unknown) => void failures.push(error))));
  const givenUp = Promise.withResolvers<void>();
  let grace: NodeJS.Timeout | undefined;
  const giveUp = () => {
    grace = setTimeout(givenUp.resolve, CLOSE_MS_AFTER_FORCE);
  };
  const limit = setTimeout(stopByForce, CLOSE_MS_MAX);
  if (force.aborted) giveUp();
  else force.addEventListener("abort", giveUp, { once: true });
  await Promise.race([closed, givenUp.promise]);
  clearTimeout(limit);
  clearTimeout(grace);
  force.removeEventListener("abort", giveUp);
  return failures;
}

export function closeFailed(failures: readonly unknown[]): MillraceError {
  return new MillraceError("CLOSE_FAILED", `Not everything could be closed: ${failures.map(messageOf).join("; ")}.`, {
    hint: "All batches are complete. Look at the close function that was given to resource; its own error is the cause.",
    cause: failures.length === 1 ? failures[0] : new AggregateError(failures),
  });
}
