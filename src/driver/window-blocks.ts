import type { NodeOf } from "../graph/node.ts";
import { assert } from "../model/errors.ts";
import type { BatchPlan } from "../model/plan.ts";
import type { Blocks } from "../shuffle/block.ts";

type Window = NodeOf<"window">;

/** What windows hold of completed batches: blocks in shared memory, for as long as a window looks back on them. */
export class WindowBlocks {
  readonly #bySeq = new Map<number, ReadonlyMap<Window, readonly Blocks[]>>();

  of(window: Window, seq: number): readonly Blocks[] {
    const blocks = this.#bySeq.get(seq)?.get(window);
    assert(blocks !== undefined, `${window.name} does not hold batch ${seq}`);
    return blocks;
  }

  holds(window: Window, seq: number): boolean {
    return this.#bySeq.get(seq)?.has(window) ?? false;
  }

  keep(seq: number, blocks: ReadonlyMap<Window, readonly Blocks[]>): void {
    if (blocks.size > 0) this.#bySeq.set(seq, new Map([...(this.#bySeq.get(seq) ?? []), ...blocks]));
  }

  /** The same blocks, whatever is dropped here later. */
  copy(): WindowBlocks {
    const copy = new WindowBlocks();
    for (const [seq, blocks] of this.#bySeq) copy.#bySeq.set(seq, blocks);
    return copy;
  }

  /** Drops what is not among the batches that are still looked back on. */
  forgetAllBut(earlier: readonly BatchPlan[]): void {
    const needed = new Set(earlier.map(({ seq }) => seq));
    for (const seq of this.#bySeq.keys()) if (!needed.has(seq)) this.#bySeq.delete(seq);
  }
}
