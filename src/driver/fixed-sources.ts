import type { NodeOf } from "../graph/node.ts";
import type { Source } from "../graph/source.ts";
import { assert } from "../model/errors.ts";
import type { Slice } from "../model/plan.ts";

/** Sources that are the same whenever they are read: planned, and so checked, once, before anything of them is read. */
export class FixedSources {
  readonly #slices = new Map<Source, Promise<readonly Slice[]>>();
  readonly #planned = new Map<Source, readonly Slice[]>();

  /** @throws what the source's own check says: a range that is not there, a broker that does not answer. */
  async open(nodes: readonly NodeOf<"source">[], signal: AbortSignal): Promise<void> {
    for (const { source } of nodes) {
      if (source.streaming || this.#planned.has(source)) continue;
      let slices = this.#slices.get(source);
      if (slices === undefined) {
        slices = plan(source, signal);
        this.#slices.set(source, slices);
        slices.catch(() => this.#slices.delete(source));
      }
      this.#planned.set(source, await slices);
    }
  }

  slicesOf(source: Source): readonly Slice[] {
    const slices = this.#planned.get(source);
    assert(slices !== undefined, `${source.name} was not planned`);
    return slices;
  }
}

async function plan(source: Source, signal: AbortSignal): Promise<readonly Slice[]> {
  const planner = source.openPlanner();
  try {
    await planner.open(signal, undefined);
    const limits = {
      intervalMs: 0,
      maxRatePerPartition: undefined,
      minRatePerPartition: undefined,
      maxRate: undefined,
      maxBytes: Number.POSITIVE_INFINITY,
    };
    return (await planner.plan(limits, signal)).slices;
  } finally {
    await planner.close();
  }
}
