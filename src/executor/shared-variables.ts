import { type TaskVariables, withVariables } from "../graph/shared-variables.ts";
import { assert } from "../model/errors.ts";
import { decodeValues } from "../shuffle/codec.ts";
import type { BroadcastValue, RunId, TaskResult } from "./protocol.ts";

/** An executor's copies of broadcast values: decoded when the first task asks, kept as long as a batch may ask. */
export class BroadcastCopies {
  readonly #batches = new Map<RunId, readonly BroadcastValue[]>();
  readonly #copies = new Map<string, unknown>();

  begin(run: RunId, values: readonly BroadcastValue[]): void {
    this.#batches.set(run, values);
  }

  end(run: RunId): void {
    this.#batches.delete(run);
    const wanted = new Set([...this.#batches.values()].flat().map(keyOf));
    // The next batch most likely wants what the last one had.
    if (wanted.size === 0) return;
    for (const key of this.#copies.keys()) if (!wanted.has(key)) this.#copies.delete(key);
  }

  of(run: RunId, id: string): unknown {
    const value = this.#batches.get(run)?.find((one) => one.id === id);
    assert(value !== undefined, `the batch has no value of ${id}`);
    const key = keyOf(value);
    if (!this.#copies.has(key)) this.#copies.set(key, decodeValues(new Uint8Array(value.memory))[0]);
    return this.#copies.get(key);
  }
}

const keyOf = ({ id, version }: BroadcastValue) => `${id} ${version}`;

/** Runs a task with the values of its batch. What it adds to accumulators goes with its result, and is lost with its failure. */
export async function runWithVariables(
  copies: BroadcastCopies,
  run: RunId,
  task: () => Promise<TaskResult>,
): Promise<TaskResult> {
  const sums: Record<string, number> = {};
  const variables: TaskVariables = {
    broadcast: (id) => copies.of(run, id),
    add: (accumulator, amount) => {
      sums[accumulator] = (sums[accumulator] ?? 0) + amount;
    },
  };
  const result = await withVariables(variables, task);
  return { ...result, sums: { ...sums } };
}
