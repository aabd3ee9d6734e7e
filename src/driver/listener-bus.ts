import type { Logger, StreamingListener } from "../model/events.ts";

type Callback = keyof StreamingListener;
type EventOf<C extends Callback> = Parameters<NonNullable<StreamingListener[C]>>[0];

/** Tells listeners, in the order they were added. What one of them throws, or rejects with, is logged and never hurts the stream. */
export class ListenerBus {
  readonly #listeners: readonly StreamingListener[];
  readonly #logger: Logger | undefined;

  /** `listeners` may grow and shrink while the stream runs. */
  constructor(listeners: readonly StreamingListener[], logger: Logger | undefined) {
    this.#listeners = listeners;
    this.#logger = logger;
  }

  emit<C extends Callback>(callback: C, event: EventOf<C>): void {
    for (const listener of [...this.#listeners]) {
      try {
        const told: unknown = (listener[callback] as ((event: EventOf<C>) => unknown) | undefined)?.call(
          listener,
          event,
        );
        if (told instanceof Promise) told.catch((error) => this.#report(callback, error));
      } catch (error) {
        this.#report(callback, error);
      }
    }
  }

  /** Whether anybody listens: what is costly to tell need not be made otherwise. */
  hears(callback: Callback): boolean {
    return this.#listeners.some((listener) => listener[callback] !== undefined);
  }

  #report(callback: string, error: unknown): void {
    if (this.#logger) this.#logger.error({ err: error, callback }, "a streaming listener threw");
    else process.emitWarning(`A streaming listener threw in ${callback}: ${String(error)}`, "MillraceWarning");
  }
}
