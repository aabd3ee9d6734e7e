/** What brokers that are well need, and what a person who has pressed Ctrl-C does not mind. */
const ANSWER_MS = 500;

/** Thrown instead of what brokers would answer: a graceful stop came first. */
export const stoppedWhileWaiting = Symbol("stopped while waiting for brokers");

export interface StopSignals {
  /** A graceful stop. */
  readonly stopping: AbortSignal;
  /** A stop by force. */
  readonly force: AbortSignal;
}

/**
 * Asks brokers something between two batches. After a graceful stop they are waited for no longer: no batch is under way that it would finish.
 * Brokers that are well have answered by then, and all goes on as if nobody had stopped it.
 * @throws stoppedWhileWaiting, the reason of `force`, and what brokers refuse
 */
export async function askBrokers<T>(
  { stopping, force }: StopSignals,
  ask: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const patience = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const onStop = () => {
    timer = setTimeout(() => patience.abort(stoppedWhileWaiting), ANSWER_MS);
  };
  const onForce = () => patience.abort(force.reason);
  if (stopping.aborted) onStop();
  if (force.aborted) onForce();
  stopping.addEventListener("abort", onStop, { once: true });
  force.addEventListener("abort", onForce, { once: true });
  try {
    return await ask(patience.signal);
  } finally {
    clearTimeout(timer);
    stopping.removeEventListener("abort", onStop);
    force.removeEventListener("abort", onForce);
  }
}
