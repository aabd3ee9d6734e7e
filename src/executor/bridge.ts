import { enough } from "../operators/receiver.ts";

/** Where a call chain meets code that waits: pushed values are handed over in chunks, and the chain waits for its reader. */
export class Bridge<T> implements AsyncIterable<readonly T[]> {
  #filling: T[] = [];
  #offered: readonly T[] | undefined;
  #ended = false;
  #abandoned = false;
  #failure: { readonly error: unknown } | undefined;
  #wakeReader = () => {};
  #wakeWriter = () => {};

  readonly push = (value: T): void => {
    if (this.#abandoned) throw enough;
    this.#filling.push(value);
  };

  readonly end = (): void => {};

  /** True when the reader wants no more. */
  get abandoned(): boolean {
    return this.#abandoned;
  }

  /** Offers what was pushed. Waits while the reader has not yet taken what was offered before: one chunk is read, one waits. */
  async flush(): Promise<void> {
    if (this.#filling.length === 0) return;
    while (this.#offered !== undefined && !this.#abandoned && !this.#failure) {
      await new Promise<void>((wake) => {
        this.#wakeWriter = wake;
      });
    }
    if (!this.#abandoned) this.#offered = this.#filling;
    this.#filling = [];
    this.#wakeReader();
  }

  async close(): Promise<void> {
    await this.flush();
    this.#ended = true;
    this.#wakeReader();
  }

  /** Nothing more is wanted: what was pushed is dropped, and the next push says so. */
  abandon(): void {
    this.#abandoned = true;
    this.#wakeWriter();
  }

  /** The task has failed elsewhere: the reader gets `error`, and nobody waits any longer. */
  fail(error: unknown): void {
    this.#failure ??= { error };
    this.#wakeReader();
    this.#wakeWriter();
  }

  async *[Symbol.asyncIterator](): AsyncIterator<readonly T[]> {
    try {
      while (true) {
        if (this.#failure) throw this.#failure.error;
        const chunk = this.#offered;
        if (chunk !== undefined) {
          this.#offered = undefined;
          this.#wakeWriter();
          yield chunk;
        } else if (this.#ended) {
          return;
        } else {
          await new Promise<void>((wake) => {
            this.#wakeReader = wake;
          });
        }
      }
    } finally {
      this.abandon();
    }
  }
}
