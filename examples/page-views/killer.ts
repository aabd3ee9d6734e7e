import type { StreamingListener } from "millrace";
import type { Tally } from "./tally.ts";

/** Kills the driver once, in the middle of a batch, when so many records have been counted: a listener like any other. */
export class Killer implements StreamingListener {
  readonly #tally: Tally;
  readonly #after: number | undefined;
  kills = 0;
  /** How it is done. */
  kill: () => Promise<void> = async () => {};

  /** @param after Undefined: it lets everyone live. */
  constructor(tally: Tally, after: number | undefined) {
    this.#tally = tally;
    this.#after = after;
  }

  get isDone(): boolean {
    return this.#after === undefined || this.kills > 0;
  }

  onBatchStarted(): void {
    if (this.isDone || this.#tally.records < this.#after!) return;
    this.kills++;
    void this.kill();
  }
}
