import { digest } from "../graph/graph.ts";
import type { BatchPlan, OnRecordError, RunningPlan } from "../model/plan.ts";
import type { Journal } from "./journal.ts";

/** A batch that runs again keeps everything but the epoch: that is of who runs it. */
export function runningPlan(
  plan: BatchPlan,
  { epoch, id }: Journal,
  appName: string,
  graphDigest: string,
  onRecordError: OnRecordError,
  earlier: readonly BatchPlan[],
): RunningPlan {
  const { slices, states, previousTime } = plan;
  const pinned = digest([JSON.stringify({ slices, states, previousTime }), graphDigest]);
  return { ...plan, epoch, checkpointId: id, appName, digest: pinned, earlier, onRecordError };
}
