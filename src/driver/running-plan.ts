import { digest } from "../graph/graph.ts";
import type { JobContext } from "../graph/job-context.ts";
import type { BatchPlan, OnRecordError, RunningPlan } from "../model/plan.ts";
import type { Broadcasts } from "./broadcasts.ts";
import type { Journal } from "./journal.ts";
import { type LookingBack, withLookBack } from "./look-back.ts";

/** A plan of ranges with what else it finds: the broadcast values of now, the states, what windows hold. */
export async function completePlan(
  plan: BatchPlan,
  { broadcasts, context, back, journal }: Finding,
): Promise<BatchPlan> {
  const versions = await broadcasts.refresh(plan.batchTime);
  const named = versions === undefined ? plan : { ...plan, broadcasts: versions };
  return withLookBack(named, context, back, journal.world);
}

interface Finding {
  readonly broadcasts: Broadcasts;
  readonly context: JobContext;
  readonly back: LookingBack;
  readonly journal: Journal;
}

/** A batch that runs again keeps everything but the epoch: that is of who runs it. */
export function runningPlan(
  plan: BatchPlan,
  { epoch, id }: Pick<Journal, "epoch" | "id">,
  appName: string,
  graphDigest: string,
  onRecordError: OnRecordError,
  earlier: readonly BatchPlan[],
): RunningPlan {
  const { slices, states, previousTime } = plan;
  const pinned = digest([JSON.stringify({ slices, states, previousTime }), graphDigest]);
  return { ...plan, epoch, checkpointId: id, appName, digest: pinned, earlier, onRecordError };
}
