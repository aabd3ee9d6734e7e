import type { Clock } from "../model/clock.ts";
import type { Time } from "../model/duration.ts";

/** Time from 0 on that stands still until the test lets it go on. */
export class HeldClock implements Clock {
  #now: Time = 0;
  #sleeper: { readonly until: Time; wake(): void } | undefined;
  #someoneSleeps = Promise.withResolvers<void>();
  #running = false;

  now(): Time {
    return this.#now;
  }

  /** While a batch is under way nobody is kept waiting: the pause before it runs again is over at once. */
  async sleepUntil(time: Time, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#running) this.#now = Math.max(this.#now, time);
    if (time <= this.#now) return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const aborted = () => reject(signal.reason);
    signal.addEventListener("abort", aborted, { once: true });
    this.#sleeper = { until: time, wake: resolve };
    this.#someoneSleeps.resolve();
    try {
      await promise;
    } finally {
      signal.removeEventListener("abort", aborted);
      this.#sleeper = undefined;
      this.#someoneSleeps = Promise.withResolvers();
    }
  }

  /** Resolves when somebody waits for a time to come. */
  untilAsleep(): Promise<void> {
    return this.#someoneSleeps.promise;
  }

  /** Lets the time come that somebody waits for, if anybody does, and goes on until {@link hold}. */
  release(): void {
    this.#running = true;
    if (this.#sleeper === undefined) return;
    this.#now = this.#sleeper.until;
    this.#sleeper.wake();
  }

  hold(): void {
    this.#running = false;
  }
}
