import { MillraceError } from "../model/errors.ts";
import type { ActionRunner } from "./action.ts";

/**
 * Stands where an RDD is only being described: in a build function and inside transform. Code there is synchronous, so it would drop
 * the promise of an action, and a rejection with it; the trap remembers instead, and `check` throws when that code has returned.
 */
export class ActionTrap implements ActionRunner {
  #sprung: MillraceError | undefined;

  run(): Promise<never> {
    this.#sprung = refused();
    return new Promise(() => {});
  }

  iterate(): never {
    throw refused();
  }

  numPartitions(): never {
    throw refused();
  }

  offsetRanges(): never {
    throw refused();
  }

  /** @throws ACTION_IN_TRANSFORM when an action was asked for. */
  check(): void {
    if (this.#sprung) throw this.#sprung;
  }
}

function refused(): MillraceError {
  return new MillraceError(
    "ACTION_IN_TRANSFORM",
    "An RDD was asked for its data while the graph is still being described.",
    {
      hint: "Actions (count, collect, take ...) belong into foreachRDD or onDriver. Inside transform and a build function only choose operations.",
    },
  );
}
