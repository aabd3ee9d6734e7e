import { setTimeout as delay } from "node:timers/promises";

const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 1_000;

/** Tries again with growing pauses until a deadline. One for each operation; progress starts it afresh. */
export class Backoff {
  readonly #deadlineMs: number;
  readonly #signal: AbortSignal | undefined;
  #deadline: number;
  #pauseMs = FIRST_PAUSE_MS;

  constructor(deadlineMs: number, signal: AbortSignal | undefined) {
    this.#deadlineMs = deadlineMs;
    this.#signal = signal;
    this.#deadline = performance.now() + deadlineMs;
  }

  get expired(): boolean {
    return performance.now() >= this.#deadline;
  }

  get deadlineMs(): number {
    return this.#deadlineMs;
  }

  progress(): void {
    this.#deadline = performance.now() + this.#deadlineMs;
    this.#pauseMs = FIRST_PAUSE_MS;
  }

  /** Each pause is twice the last one; half of it is random, so that many executors do not come back at once. */
  async pause(atLeastMs = 0): Promise<void> {
    const pauseMs = this.#pauseMs * (0.5 + Math.random() / 2);
    this.#pauseMs = Math.min(this.#pauseMs * 2, LONGEST_PAUSE_MS);
    const left = Math.max(0, this.#deadline - performance.now());
    await interruptible(Math.max(atLeastMs, Math.min(pauseMs, left)), this.#signal);
  }

  /** What `work` gives, unless the deadline or the signal comes first. What `work` gives later is dropped. */
  async within<T>(work: Promise<T>): Promise<T> {
    const left = Math.max(0, this.#deadline - performance.now());
    return await orAborted(work, this.#signal, left);
  }
}

/** A pause that ends with the signal's reason when that aborts. */
export async function interruptible(ms: number, signal: AbortSignal | undefined): Promise<void> {
  signal?.throwIfAborted();
  try {
    await delay(ms, undefined, signal === undefined ? {} : { signal });
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  }
}

/** Rejects with the signal's reason as soon as it aborts; with a {@link DeadlineError} after `ms`. */
export function orAborted<T>(work: Promise<T>, signal: AbortSignal | undefined, ms?: number): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const onAbort = () => settle(() => reject(signal?.reason));
    const timer = ms === undefined ? undefined : setTimeout(() => settle(() => reject(new DeadlineError(ms))), ms);
    const settle = (finish: () => void) => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
      finish();
    };
    signal?.addEventListener("abort", onAbort, { once: true });
    if (signal?.aborted) onAbort();
    work.then(
      (value) => settle(() => resolve(value)),
      (error: unknown) => settle(() => reject(error)),
    );
  });
}

export class DeadlineError extends Error {
  constructor(ms: number) {
    super(`no answer within ${Math.round(ms)} ms`);
    this.name = "DeadlineError";
  }
}
