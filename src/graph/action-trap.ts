import { MillraceError } from "../model/errors.ts";
import type { OffsetRange } from "../model/offset-range.ts";
import type { ActionRunner, GraphRunner } from "./action.ts";
import type { Node } from "./node.ts";

/** What a batch's plan says of an RDD, without reading anything. */
export type Planned = Pick<ActionRunner, "numPartitions" | "offsetRanges">;

/**
 * Stands where an RDD is only being described: in a build function and inside transform. Code there is synchronous, so it would drop
 * the promise of an action, and a rejection with it; the trap remembers instead, and `check` throws when that code has returned.
 */
export class ActionTrap implements GraphRunner {
  readonly #planned: Planned | undefined;
  #sprung: MillraceError | undefined;

  /** Inside transform there is a plan, whose offset ranges may be looked at. */
  constructor(planned?: Planned) {
    this.#planned = planned;
  }

  run(): Promise<never> {
    this.#sprung = refused();
    return new Promise(() => {});
  }

  iterate(): never {
    throw refused();
  }

  numPartitions(node: Node): number {
    if (this.#planned) return this.#planned.numPartitions(node);
    throw refused();
  }

  offsetRanges(node: Node): readonly OffsetRange[] {
    if (this.#planned) return this.#planned.offsetRanges(node);
    throw refused();
  }

  slice(): never {
    throw refused();
  }

  /** @throws ACTION_IN_TRANSFORM when an action was asked for. */
  check(): void {
    if (this.#sprung) throw this.#sprung;
  }
}

/** An RDD of this batch or of another one cannot be asked yet. */
export function refused(): MillraceError {
  return new MillraceError(
    "ACTION_IN_TRANSFORM",
    "An RDD was asked for its data while the graph is still being described.",
    {
      hint: "Actions (count, collect, take ...) belong into foreachRDD or onDriver. Inside transform and a build function only choose operations.",
    },
  );
}
