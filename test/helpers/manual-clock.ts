import type { Clock } from "../../src/model/clock.ts";

/** Time that only moves when the test says so. */
export class ManualClock implements Clock {
  #now: number;
  readonly #sleepers = new Set<{ readonly until: number; wake(): void }>();
  #someoneSleeps = Promise.withResolvers<void>();

  constructor(now: number) {
    this.#now = now;
  }

  now(): number {
    return this.#now;
  }

  async sleepUntil(time: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (time <= this.#now) return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const sleeper = { until: time, wake: resolve };
    const aborted = () => reject(signal.reason);
    signal.addEventListener("abort", aborted, { once: true });
    this.#sleepers.add(sleeper);
    this.#someoneSleeps.resolve();
    try {
      await promise;
    } finally {
      signal.removeEventListener("abort", aborted);
      this.#sleepers.delete(sleeper);
      if (this.#sleepers.size === 0) this.#someoneSleeps = Promise.withResolvers();
    }
  }

  /** Sets the time, forward or back, and wakes who has slept long enough. */
  set(now: number): void {
    this.#now = now;
    for (const { until, wake } of this.#sleepers) if (until <= now) wake();
  }

  /** Waits until somebody sleeps. @returns when the first of them wants to wake up */
  async untilAsleep(): Promise<number> {
    await this.#someoneSleeps.promise;
    return Math.min(...[...this.#sleepers].map(({ until }) => until));
  }

  /** Waits until somebody sleeps, and lets the time come for which the first of them waits. @returns that time */
  async wakeNext(): Promise<number> {
    const time = await this.untilAsleep();
    this.set(time);
    await Promise.resolve();
    return time;
  }
}
