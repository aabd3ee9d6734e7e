import { MillraceError } from "../../model/errors.ts";
import { Backoff, DeadlineError } from "./backoff.ts";
import { refusedByBroker, unexpectedCode } from "./cluster-errors.ts";
import { ProtocolError, remedyFor } from "./protocol-error.ts";

export interface TryOptions {
  readonly deadlineMs: number;
  readonly signal: AbortSignal | undefined;
  /** Told of each failure that another try may cure. */
  onFailure(error: unknown): void;
  /** What to throw in the end. */
  whenExpired(lastError: unknown): MillraceError;
}

/** Tries again until the deadline. Errors that no retry cures end it at once. */
export async function tryUntilDeadline<T>(
  attempt: () => Promise<T>,
  { deadlineMs, signal, onFailure, whenExpired }: TryOptions,
): Promise<T> {
  const backoff = new Backoff(deadlineMs, signal);
  let lastError: unknown;
  do {
    try {
      return await backoff.within(attempt());
    } catch (error) {
      signal?.throwIfAborted();
      if (MillraceError.is(error)) throw error;
      const refused = refusedByBroker(error);
      if (refused !== undefined) throw refused;
      if (error instanceof ProtocolError && remedyFor(error.protocolCode) === "give up") throw unexpectedCode(error);
      onFailure(error);
      // That the time ran out says less than what went wrong before.
      if (lastError === undefined || !(error instanceof DeadlineError)) lastError = error;
    }
    await backoff.pause();
  } while (!backoff.expired);
  throw whenExpired(lastError);
}
