const SIGNALS = ["SIGINT", "SIGTERM"] as const;

/** Under npm one Ctrl-C arrives twice: from the terminal, and forwarded by npm. */
const SAME_PRESS_MS = 500;

/** The first Ctrl-C asks for an end in good order; another one ends the process at once. */
export class CtrlC implements Disposable {
  readonly #asked = new AbortController();
  #firstAt = 0;

  constructor() {
    for (const signal of SIGNALS) process.on(signal, this.#pressed);
  }

  get signal(): AbortSignal {
    return this.#asked.signal;
  }

  [Symbol.dispose](): void {
    for (const signal of SIGNALS) process.off(signal, this.#pressed);
  }

  readonly #pressed = (): void => {
    if (!this.signal.aborted) {
      this.#firstAt = performance.now();
      this.#asked.abort();
    } else if (performance.now() - this.#firstAt > SAME_PRESS_MS) {
      process.exit(130); // the broker and the feeder notice, and end too
    }
  };
}
