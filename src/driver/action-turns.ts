import { messageOf } from "../model/error-transfer.ts";
import { internalError, MillraceError } from "../model/errors.ts";

/** The actions of one batch: one after the other, since two at a time could compute the same shuffle twice. None after its end. */
export class ActionTurns {
  readonly #afterEnd: () => Error;
  #ended = false;
  #underWay = 0;
  #forsaken = false;
  #last: Promise<unknown> = Promise.resolve();

  constructor(afterEnd: () => Error) {
    this.#afterEnd = afterEnd;
  }

  async take<R>(act: () => Promise<R>): Promise<R> {
    this.refuseAfterEnd();
    this.#underWay++;
    const result = this.#last.then(() => {
      this.refuseAfterEnd();
      return act().catch((error) => {
        // Before it goes through a function of the job's and looks like what that function threw.
        throw MillraceError.is(error) ? error : internalError(messageOf(error), error);
      });
    });
    this.#last = result.catch(() => {});
    await this.#last;
    this.#underWay--;
    if (this.#forsaken) return new Promise<never>(() => {});
    return result;
  }

  /** Nobody awaits the actions under way: they never settle. @returns whether there were any */
  forsake(): boolean {
    this.#forsaken = this.#underWay > 0;
    return this.#forsaken;
  }

  end(): void {
    this.#ended = true;
  }

  refuseAfterEnd(): void {
    if (this.#ended) throw this.#afterEnd();
  }
}
