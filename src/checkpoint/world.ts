import { assert } from "../model/errors.ts";
import type { BatchPlan, Position, Positions } from "../model/plan.ts";
import type { Entry } from "./entry.ts";

/** All that a driver must know of those before it. */
export interface World {
  /** Of the last completed batch; 0 when there was none. */
  readonly seq: number;
  readonly batchTime: number | null;
  /** Null until the first offsets were found. */
  readonly positions: Positions | null;
  /** A batch that was planned and has not completed: it runs again, by this plan. */
  readonly pending: { readonly plan: BatchPlan; readonly graph: string } | null;
}

export const NEW_WORLD: World = { seq: 0, batchTime: null, positions: null, pending: null };

/** How the world stands after an entry. Pure: recovery is nothing but this, over all entries. */
export function after(world: World, entry: Entry): World {
  switch (entry.type) {
    case "begin":
      return entry.world;
    case "start":
      return { ...world, positions: { ...world.positions, ...entry.positions } };
    case "plan":
      assert(entry.plan.seq === world.seq + 1, `batch ${entry.plan.seq} was planned after batch ${world.seq}`);
      return { ...world, pending: { plan: entry.plan, graph: entry.graph } };
    case "complete": {
      const plan = world.pending?.plan;
      assert(plan?.seq === entry.seq, `batch ${entry.seq} was completed, but not planned`);
      return { seq: plan.seq, batchTime: plan.batchTime, positions: moved(world.positions ?? {}, plan), pending: null };
    }
  }
}

/** Each partition stands where its slices end; partitions that the plan does not name stay where they are. */
function moved(positions: Positions, { slices }: BatchPlan): Positions {
  const result: { [source: string]: readonly Position[] } = { ...positions };
  for (const [source, some] of Object.entries(slices)) {
    const byPartition = new Map((positions[source] ?? []).map((p) => [`${p.topic}-${p.partition}`, p]));
    for (const { topic, partition, topicId, untilOffset } of some) {
      const before = byPartition.get(`${topic}-${partition}`);
      const offset = Math.max(before?.topicId === topicId ? (before?.offset ?? 0) : 0, untilOffset);
      byPartition.set(`${topic}-${partition}`, { topic, partition, ...(topicId !== undefined && { topicId }), offset });
    }
    result[source] = [...byPartition.values()];
  }
  return result;
}
