import { durationText } from "../../model/duration.ts";
import { rootMessageOf } from "./connections.ts";

/** Long enough for a leader that moves, short enough for somebody who waits. */
const SILENT_MS = 1_500;

/**
 * Says that a cluster does not answer, before it is given up, and when it answers again: else a wrong address, or a broker that restarts, is ten
 * seconds of silence. Requests that wait at the same time are told of once.
 */
export class WaitingNotice {
  readonly #warn: ((fields: object, message: string) => void) | undefined;
  readonly #tried: () => readonly string[];
  #waiting = 0;
  #begun = 0;
  #told = false;
  #timer: NodeJS.Timeout | undefined;
  #lastFailure: unknown;

  constructor(warn: ((fields: object, message: string) => void) | undefined, tried: () => readonly string[]) {
    this.#warn = warn;
    this.#tried = tried;
  }

  begin(deadlineMs: number): void {
    if (this.#waiting++ > 0 || this.#warn === undefined) return;
    this.#begun = performance.now();
    this.#timer = setTimeout(() => this.#tell(deadlineMs), SILENT_MS);
  }

  failed(error: unknown): void {
    this.#lastFailure = error;
  }

  end(answered: boolean): void {
    if (--this.#waiting > 0) return;
    clearTimeout(this.#timer);
    if (this.#told && answered) {
      this.#warn?.({}, `Kafka answers again, after ${durationText(performance.now() - this.#begun)}`);
    }
    this.#told = false;
    this.#lastFailure = undefined;
  }

  #tell(deadlineMs: number): void {
    this.#told = true;
    const tried = this.#tried().join(", ");
    const cause = this.#lastFailure === undefined ? "" : `; last cause: ${rootMessageOf(this.#lastFailure)}`;
    this.#warn?.({}, `no answer from Kafka yet, asking for up to ${durationText(deadlineMs)}: tried ${tried}${cause}`);
  }
}
