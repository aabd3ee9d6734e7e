import type { World } from "../checkpoint/world.ts";
import { BatchGraph } from "../graph/batch-graph.ts";
import type { JobContext } from "../graph/job-context.ts";
import { type Node, type NodeOf, parentsOf } from "../graph/node.ts";
import type { ResolvedFailurePolicy } from "../job/failure-policy.ts";
import { MillraceError } from "../model/errors.ts";
import type { BatchPlan, RunningPlan, StatePlan } from "../model/plan.ts";
import type { Panes } from "../state/program.ts";

/** What one batch leaves for those after it: states and windows. They advance in every batch, whatever is asked of them. */

export interface LookingBack {
  readonly states: readonly NodeOf<"state">[];
  readonly windows: readonly NodeOf<"window">[];
  /** Of all windows, also those that are states. */
  readonly panes: readonly Panes[];
  /** How long completed batches are looked back on by windows. */
  readonly windowMs: number;
  /** How long they are remembered for slices. */
  readonly sliceMs: number;
}

/** How far windows look back from a node, by node: all that any of `ends` is computed from. */
export function windowsBehind(ends: readonly Node[]): ReadonlyMap<Node, number> {
  const found = new Map<Node, number>();
  const visit = (node: Node): number => {
    let ms = found.get(node);
    if (ms === undefined) {
      ms = parentsOf(node).reduce((longest, parent) => Math.max(longest, visit(parent)), 0);
      // A window ends with its slide, and so up to one slide before the batch that gives it.
      if (node.kind === "window") ms += (node.panes.window + node.panes.slide) * node.panes.paneMs;
      found.set(node, ms);
    }
    return ms;
  };
  for (const node of ends) visit(node);
  return found;
}

/** States and windows: those that any output is computed from. */
export function lookingBack({ graph }: JobContext): LookingBack {
  const outputs = windowsBehind(graph.outputs.map(({ node }) => node));
  // A slice may be of any stream, also of one that no output is computed from.
  const looking = graph.rememberMs > 0 ? windowsBehind(graph.nodes) : outputs;
  const nodes = graph.nodes.filter((node) => outputs.has(node));
  const states = nodes.filter((node) => node.kind === "state");
  const windows = nodes.filter((node) => node.kind === "window");
  return {
    states,
    windows,
    panes: [...states.flatMap(({ program }) => program.panes ?? []), ...windows.map(({ panes }) => panes)],
    windowMs: Math.max(0, ...looking.values()),
    sliceMs: graph.rememberMs,
  };
}

/** Of the batches that are remembered those that a batch after the last complete one may look back on for `ms`. */
export function within({ earlier, completeTime }: World, ms: number): readonly BatchPlan[] {
  return ms === 0 ? [] : earlier.filter((plan) => plan.batchTime > (completeTime ?? 0) - ms);
}

/** Adds to a plan how it finds the states, and what the windows need. */
export function withLookBack(plan: BatchPlan, { graph }: JobContext, back: LookingBack, world: World): BatchPlan {
  if (back.states.length + back.windows.length + back.sliceMs === 0) return plan;
  const states: { [name: string]: StatePlan } = {};
  const planned: BatchPlan = {
    ...plan,
    previousTime: world.completeTime ?? undefined,
    rememberMs: back.windowMs + back.sliceMs,
    states,
  };
  const batch = new BatchGraph(graph.nodes, { ...planned, earlier: within(world, back.windowMs) } as RunningPlan);
  for (const { stateName, numPartitions, parent } of back.states) {
    const before = world.states[stateName];
    const inputs = parent.kind === "shuffle" ? parent.parent : parent;
    states[stateName] = {
      numPartitions: before?.length ?? numPartitions ?? Math.max(1, batch.lastingPartitions(inputs)),
      fresh: before === undefined,
    };
  }
  return planned;
}

interface OtherCount {
  readonly node: NodeOf<"state">;
  readonly before: number;
  readonly numPartitions: number;
}

/** The states for which the job asks for another number of partitions than they have. */
export function withOtherCounts({ states }: Pick<LookingBack, "states">, world: World): OtherCount[] {
  return states.flatMap((node) => {
    const before = world.states[node.stateName]?.length;
    const { numPartitions } = node;
    return before === undefined || numPartitions === undefined || numPartitions === before
      ? []
      : [{ node, before, numPartitions }];
  });
}

/** @throws NAME_NOT_IN_JOB for a state that would be lost, STATE_DIFFERS for one that this job cannot go on with. */
export function refuseOtherStates(back: LookingBack, world: World, changesAccepted: boolean): void {
  const { pending, states } = world;
  const dropped = Object.keys(states).find((name) => !back.states.some(({ stateName }) => stateName === name));
  if (dropped !== undefined && !changesAccepted) {
    throw new MillraceError(
      "NAME_NOT_IN_JOB",
      `The checkpoint has a state "${dropped}", which this job does not have.`,
      {
        hint: "Give the state its name back; or drop it for good: acceptChangedGraph, --accept-changed-graph.",
      },
    );
  }
  const [other] = withOtherCounts(back, world);
  if (other === undefined || (changesAccepted && pending === null)) return;
  const { node, before, numPartitions } = other;
  throw new MillraceError(
    "STATE_DIFFERS",
    `The state "${node.stateName}" has ${before} partitions; ${node.name} asks for ${numPartitions}.`,
    {
      hint:
        pending === null
          ? `Deal its keys out anew over ${numPartitions} partitions: acceptChangedGraph, --accept-changed-graph. Or keep numPartitions: ${before}.`
          : `Batch ${pending.plan.seq} is pending, and was planned for ${before} partitions: complete it by the version before (numPartitions: ${before}) and stop that well. Then ask for ${numPartitions}, with acceptChangedGraph.`,
    },
  );
}

/** @throws BAD_OPTION when batches may be left out that a state would never see. */
export function refuseGapInState(
  { states }: LookingBack,
  { otherwise, acceptGapInState }: ResolvedFailurePolicy,
): void {
  const [state] = states;
  if (state === undefined || otherwise === "stop" || acceptGapInState) return;
  throw new MillraceError(
    "BAD_OPTION",
    `failedBatch is "continue", but ${state.name} keeps the state "${state.stateName}", which would never see the batches that are left out.`,
    {
      hint: 'If that is what you want, say so: failedBatch: { otherwise: "continue", acceptGapInState: true }.',
    },
  );
}

/** After a restart a window reads its earlier batches from Kafka again; a state is not there any more as it was then. */
export function refuseWindowOfState({ windows }: LookingBack): void {
  const ofState = (node: Node): boolean => node.kind === "state" || parentsOf(node).some(ofState);
  const window = windows.find(ofState);
  if (window === undefined) return;
  throw new MillraceError(
    "BAD_OPTION",
    `${window.name} is a window of a stream with state, which a restart cannot compute again.`,
    {
      hint: "Use a windowed aggregate, which keeps what it needs (reduceByKeyAndWindow, groupByKeyAndWindow), or leave out checkpointDirectory.",
    },
  );
}
