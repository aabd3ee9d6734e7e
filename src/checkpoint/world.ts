import { assert, MillraceError } from "../model/errors.ts";
import { lastRanges, PartitionMap } from "../model/partition-map.ts";
import type { BatchPlan, Position, Positions } from "../model/plan.ts";
import type {
  AbandonedOutput,
  Abandonment,
  CompletionReceipts,
  Entry,
  Receipts,
  StatePart,
  WrittenStates,
} from "./entry.ts";
import { afterBatch, type LastBatches, type PartitionRanges, rangesOf } from "./partition-ranges.ts";

/** All that a driver must know of those before it. */
export interface World {
  /** Of the last batch that has ended; 0 when there was none. */
  readonly seq: number;
  readonly batchTime: number | null;
  /** Of the last batch that completed: behind `batchTime` while all batches since were left out. Windows are given up to then. */
  readonly completeTime: number | null;
  /** Null until the first offsets were found. */
  readonly positions: Positions | null;
  /** A batch that was planned and has not completed: it runs again, by this plan. */
  readonly pending: { readonly plan: BatchPlan; readonly graph: string; readonly code?: string } | null;
  /** Completed batches that windows and slices look back on, the oldest first. */
  readonly earlier: readonly BatchPlan[];
  /** By name, each partition's snapshot and the changes after it. */
  readonly states: { readonly [name: string]: readonly (readonly StatePart[])[] };
  /** By output, the last batch that left something in its sink: so far the sink has come at least. */
  readonly written: { readonly [output: string]: LastBatches };
  /** How many batches were left out, and the last of them. */
  readonly abandoned: { readonly count: number; readonly last: readonly AbandonedBatch[] };
}

export interface AbandonedBatch extends Abandonment, Pick<BatchPlan, "seq" | "batchTime" | "slices"> {
  /** The batch that has done the rest; or was left out too, and has a record of its own of what is still to do. */
  readonly replayedAs?: number;
}

/** Of so many abandoned batches the ranges are kept. */
const ABANDONED_MAX = 1_000;

export const NEW_WORLD: World = {
  seq: 0,
  batchTime: null,
  completeTime: null,
  positions: null,
  pending: null,
  earlier: [],
  states: {},
  written: {},
  abandoned: { count: 0, last: [] },
};

/** How the world stands after an entry. Pure: recovery is nothing but this, over all entries. */
export function after(world: World, entry: Entry): World {
  switch (entry.type) {
    case "begin": {
      // What a release before this one did not write is as in a new world.
      const written: Partial<World> = entry.world;
      return { ...NEW_WORLD, completeTime: entry.world.batchTime, ...written };
    }
    case "start":
      return { ...world, positions: { ...world.positions, ...entry.positions } };
    case "plan":
      assert(entry.plan.seq === world.seq + 1, `batch ${entry.plan.seq} was planned after batch ${world.seq}`);
      return {
        ...world,
        pending: { plan: entry.plan, graph: entry.graph, ...(entry.code !== undefined && { code: entry.code }) },
      };
    case "release":
      return world;
    case "complete": {
      const plan = pendingPlan(world, entry.seq);
      return {
        ...passed(world, plan),
        completeTime: plan.batchTime,
        earlier: remembered(world.earlier, plan),
        states: advanced(world.states, plan, entry.states ?? {}),
        written: reached(world.written, entry.written ?? {}, entry.seq),
      };
    }
    case "adopt": {
      const adopted = { ...world, written: { ...world.written, ...entry.written } };
      return entry.seq > lastPlanned(world) ? { ...adopted, seq: entry.seq, pending: null } : adopted;
    }
    case "reshard":
      assert(world.pending === null, "a state was dealt out anew under a batch that was pending");
      return { ...world, states: { ...world.states, ...entry.states } };
    case "abandon": {
      const plan = entry.plan ?? pendingPlan(world, entry.seq);
      assert(plan.seq === world.seq + 1, `batch ${plan.seq} was left out after batch ${world.seq}`);
      const { seq, batchTime, slices } = plan;
      const next = passed(world, plan);
      const last = [...next.abandoned.last, { seq, batchTime, slices, ...entry.why }].slice(-ABANDONED_MAX);
      const written = reached(world.written, writtenBy(entry.why.outputs, allWhenDone), seq);
      return { ...next, written, abandoned: { count: world.abandoned.count + 1, last } };
    }
    case "receipts": {
      const { outputs = [] } = world.abandoned.last.find(({ seq }) => seq === entry.seq) ?? {};
      const written = reached(
        world.written,
        writtenBy(outputs, ({ name }) => entry.written[name]),
        entry.seq,
      );
      return withAbandoned({ ...world, written }, entry.seq, (batch) => withReceipts(batch, entry.written));
    }
    default:
      throw unknownKind(entry satisfies never);
  }
}

/** To pass over it would be to run on with half of what happened. */
function unknownKind({ type }: { readonly type?: unknown }): MillraceError {
  return new MillraceError(
    "CHECKPOINT_OF_ANOTHER_VERSION",
    `The checkpoint has an entry of the kind "${type}", which this release does not know.`,
    { hint: "Run it with the release that wrote it, or a newer one; or start with another checkpointDirectory." },
  );
}

/** The last batch that can have reached a sink. */
export function lastPlanned({ seq, pending }: World): number {
  return pending?.plan.seq ?? seq;
}

function pendingPlan({ pending }: World, seq: number): BatchPlan {
  assert(pending?.plan.seq === seq, `batch ${seq} has ended, but was not planned`);
  return pending.plan;
}

/** The next batch goes on where this one ends; after a replay where it would have without. */
function passed(world: World, plan: BatchPlan): World {
  const { seq, batchTime, replay } = plan;
  const ended = { ...world, seq, batchTime, pending: null };
  if (replay === undefined) return { ...ended, positions: moved(world.positions ?? {}, plan) };
  return withAbandoned(ended, replay.seq, (batch) => ({ ...batch, replayedAs: seq }));
}

function withAbandoned(world: World, seq: number, change: (batch: AbandonedBatch) => AbandonedBatch): World {
  const last = world.abandoned.last.map((batch) => (batch.seq === seq ? change(batch) : batch));
  return { ...world, abandoned: { ...world.abandoned, last } };
}

/** So far the sinks have come after a batch. */
function reached(
  written: World["written"],
  receipts: CompletionReceipts | readonly string[],
  seq: number,
): World["written"] {
  if (isNamesOnly(receipts)) return { ...written, ...Object.fromEntries(receipts.map((name) => [name, seq])) };
  const now = Object.entries(receipts).map(([name, ranges]) => [name, afterBatch(written[name] ?? 0, ranges, seq)]);
  return { ...written, ...Object.fromEntries(now) };
}

const isNamesOnly = (receipts: CompletionReceipts | readonly string[]): receipts is readonly string[] =>
  Array.isArray(receipts);

/** What a batch that was left out has written under its own number: of a replay, not what an earlier try had. */
function writtenBy(
  outputs: readonly AbandonedOutput[],
  partitionsOf: (output: AbandonedOutput) => readonly number[] | undefined,
): CompletionReceipts {
  const receipts: { [output: string]: PartitionRanges } = {};
  for (const output of outputs) {
    const { name, before = [] } = output;
    const own = (partitionsOf(output) ?? []).filter((partition) => !before.includes(partition));
    if (own.length > 0) receipts[name] = rangesOf(own);
  }
  return receipts;
}

const allWhenDone = ({ done, numPartitions = 0 }: AbandonedOutput) =>
  done ? Array.from({ length: numPartitions }, (_, partition) => partition) : undefined;

function withReceipts(batch: AbandonedBatch, receipts: Receipts): AbandonedBatch {
  const outputs = batch.outputs.map((output) => {
    const written = receipts[output.name];
    return written === undefined ? output : { ...output, written };
  });
  return { ...batch, outputs };
}

function remembered(earlier: readonly BatchPlan[], plan: BatchPlan): readonly BatchPlan[] {
  const { rememberMs = 0, batchTime } = plan;
  return rememberMs === 0 ? [] : [...earlier, plan].filter((other) => other.batchTime > batchTime - rememberMs);
}

/** A state that the plan does not name is no longer part of the job. A snapshot makes what was written before it superfluous. */
function advanced(
  states: World["states"],
  { states: planned = {} }: BatchPlan,
  written: WrittenStates,
): World["states"] {
  return Object.fromEntries(
    Object.entries(planned).map(([name, { numPartitions }]) => [
      name,
      Array.from({ length: numPartitions }, (_, partition) => {
        const before = states[name]?.[partition] ?? [];
        const part = written[name]?.[partition];
        return part ? (part.snapshot ? [part] : [...before, part]) : before;
      }),
    ]),
  );
}

/**
 * Each partition stands where its slices end, be it behind where it stood before: a partition that was cut off goes on at its new end.
 * Partitions that the plan does not name stay where they are.
 */
function moved(positions: Positions, { slices }: BatchPlan): Positions {
  const result: { [source: string]: readonly Position[] } = { ...positions };
  for (const [source, some] of Object.entries(slices)) {
    const byPartition = PartitionMap.of(positions[source] ?? []);
    const last = lastRanges(some).values();
    for (const { topic, partition, topicId, leaderEpoch, epochBorder, untilOffset: offset } of last) {
      const at = { topic, partition };
      byPartition.set(at, {
        topic,
        partition,
        ...(topicId !== undefined && { topicId }),
        offset,
        ...(leaderEpoch !== undefined && { leaderEpoch }),
        ...(epochBorder !== undefined && { epochBorder }),
      });
    }
    result[source] = [...byPartition.values()];
  }
  return result;
}
