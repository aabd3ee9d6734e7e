import type { BatchLimits, PlannedSlices, Source, SourcePlanner } from "../graph/source.ts";
import type { Time } from "../model/duration.ts";
import type { DataLoss, InputInfo } from "../model/events.ts";
import { plainRange } from "../model/offset-range.ts";
import type { BatchPlan, Position, Positions, Slice } from "../model/plan.ts";

/** A stream and where it stands. */
export interface Stream {
  readonly source: Source;
  readonly planner: SourcePlanner;
}

export interface PlannedBatch {
  readonly plan: BatchPlan;
  readonly inputs: readonly InputInfo[];
  readonly losses: readonly DataLoss[];
  /** Where the streams stand that go on without something, until the batch has moved them. */
  readonly moved: Positions;
}

/** Step 2 of a batch: asks every stream for its next slices. A plan that fails loses nothing. */
export async function planBatch(
  streams: readonly Stream[],
  { seq, batchTime, epoch }: { seq: number; batchTime: Time; epoch: number },
  limitsOf: (source: Source) => BatchLimits,
  signal: AbortSignal,
): Promise<PlannedBatch> {
  const planned = await Promise.all(streams.map(({ source, planner }) => planner.plan(limitsOf(source), signal)));
  const slices: Record<string, readonly Slice[]> = {};
  const moved: Record<string, readonly Position[]> = {};
  for (const [i, { source, planner }] of streams.entries()) {
    slices[source.name] = planned[i]!.slices;
    if (planned[i]!.lost?.length) moved[source.name] = planner.positions();
  }
  return {
    plan: { seq, batchTime, epoch, slices },
    inputs: streams.map(({ source }, i) => inputInfo(source, planned[i]!)),
    losses: planned.flatMap(({ lost = [] }) => lost),
    moved,
  };
}

/** What listeners are told of a batch that an earlier run has planned: how far it is behind, nobody has asked again. */
export function plannedEarlier(streams: readonly Stream[], plan: BatchPlan): Pick<PlannedBatch, "plan" | "inputs"> {
  const inputs = streams.map(({ source }) => {
    const slices = plan.slices[source.name] ?? [];
    const records = slices.reduce((sum, { fromOffset, untilOffset }) => sum + untilOffset - fromOffset, 0);
    return inputInfo(source, { slices, records, lag: 0 });
  });
  return { plan, inputs };
}

function inputInfo(source: Source, { slices, records, lag, partitions = [] }: PlannedSlices): InputInfo {
  const offsetRanges = source.offsets ? slices.map(plainRange) : [];
  return { name: source.name, records, lag, offsetRanges, partitions, skipped: 0 };
}
