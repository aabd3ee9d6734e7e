import type { Accumulator } from "../graph/shared-variables.ts";

/** What tasks have added to accumulators, until it counts. */
export class TaskSums {
  readonly #accumulators: readonly Accumulator[];
  readonly #waiting: { readonly [accumulator: string]: number }[] = [];

  constructor(accumulators: readonly Accumulator[]) {
    this.#accumulators = accumulators;
  }

  /** Of a task that succeeded. */
  add(sums: { readonly [accumulator: string]: number }): void {
    this.#waiting.push(sums);
  }

  /** The batch is complete. */
  commit(): void {
    for (const sums of this.#waiting.splice(0)) {
      for (const accumulator of this.#accumulators) accumulator.count(sums[accumulator.name] ?? 0);
    }
  }

  /** The batch has failed, or is only read again. */
  discard(): void {
    this.#waiting.length = 0;
  }
}

/** Outside of batches a task counts when it succeeds. */
export class ImmediateSums extends TaskSums {
  override add(sums: { readonly [accumulator: string]: number }): void {
    super.add(sums);
    this.commit();
  }
}
