import type { Adoption } from "../checkpoint/entry.ts";
import { type LastBatches, lastBatch, lastBatchesOf, seqsOf } from "../checkpoint/partition-ranges.ts";
import { lastPlanned, type World } from "../checkpoint/world.ts";
import type { ResolvedOptions } from "../job/options.ts";
import { MillraceError } from "../model/errors.ts";
import type { SinkProgress } from "../operators/sink.ts";
import type { DriverSinks } from "./driver-sinks.ts";
import type { Journal } from "./journal.ts";

/** Of a thousand that are behind, a message names so many. */
const PARTITIONS_NAMED = 8;

/**
 * At the start, before anything is fenced: whether each sink still holds, of each of its partitions, what it held when the checkpoint was written, and nothing
 * that the checkpoint does not know of. Either of them may have been restored, or copied, without the other. With `adopt` they are taken as they are.
 * @throws SINK_BEHIND, SINK_AHEAD, FENCED, PLAN_MISMATCH
 */
export async function compareSinks(
  sinks: DriverSinks,
  journal: Journal,
  appName: string,
  graph: string,
  { adopt, logger }: Pick<ResolvedOptions, "adopt" | "logger">,
): Promise<void> {
  const progress = await sinks.progress(journal.id, appName);
  // A sink that another driver has fenced meanwhile is no sign of a restored checkpoint.
  await journal.refuseWhenFenced();
  const differences = [...progress].flatMap(([output, held]) => differenceOf(output, held, journal) ?? []);
  if (differences.length === 0) return refuseHalfWritten(progress, journal.world, graph);
  if (!adopt) throw differences[0]!;
  for (const { message } of differences) logger?.warn({}, `adopted: ${message}`);
  const known = [...progress.values()].filter((held) => held !== undefined);
  const adoption: Adoption = {
    seq: Math.max(0, ...known.map(({ seq }) => seq)),
    written: Object.fromEntries(
      [...progress].map(([output, held]) => [output, held === undefined ? 0 : lastBatchesIn(held)]),
    ),
  };
  await journal.adopt(adoption, Math.max(0, ...known.map(({ epoch }) => epoch)));
  refuseHalfWritten(progress, journal.world, graph);
}

/**
 * Another graph was accepted for the pending batch; but where a part of it is written already, the rest must come from the same operations.
 * @throws PLAN_MISMATCH
 */
export function refuseHalfWritten(
  progress: ReadonlyMap<string, SinkProgress | undefined>,
  { pending }: World,
  graph: string,
): void {
  if (pending === null || pending.graph === graph) return;
  const { seq, batchTime } = pending.plan;
  for (const [output, held] of progress) {
    const replayed = pending.plan.replay?.done[output];
    if (held?.seq !== seq && (replayed === undefined || replayed === "all")) continue;
    throw new MillraceError(
      "PLAN_MISMATCH",
      `Batch ${seq} is pending, and output "${output}" has a part of it already, written by a job with other operations than this one has. The rest would not fit.`,
      {
        hint: `Accepting the changed graph cannot help here. Run the version before once more and stop it when batch ${seq} is complete, or left out; then nothing is pending, and this version can start.`,
        at: { operator: output, batchTime },
      },
    );
  }
}

function differenceOf(
  output: string,
  held: SinkProgress | undefined,
  { world, epoch }: Journal,
): MillraceError | undefined {
  const { seq, epoch: heldEpoch, seqs }: SinkProgress = held ?? { seq: 0, epoch: 0 };
  const needed = world.written[output] ?? 0;
  const all = seqs === undefined ? [] : seqsOf(needed);
  const partitions = partitionsBehind(seqs ?? [], all);
  if (partitions.length > 0 && partitions.length < all.length) return partitionBehind(output, partitions);
  if (partitions.length > 0 || seq < lastBatch(needed)) return behind(output, seq, lastBatch(needed));
  // This epoch was made just now, so no sink can have seen it from a driver on this checkpoint.
  if (seq <= lastPlanned(world) && heldEpoch < epoch) return undefined;
  return ahead(output, { seq, epoch: heldEpoch }, world, epoch);
}

function lastBatchesIn({ seq, seqs }: SinkProgress): LastBatches {
  return seqs === undefined ? seq : lastBatchesOf(seqs);
}

interface PartitionBehind {
  readonly partition: number;
  readonly seq: number;
  readonly needed: number;
}

function partitionsBehind(seqs: readonly number[], all: readonly number[]): PartitionBehind[] {
  return all.flatMap((last, partition) => {
    const seq = seqs[partition] ?? 0;
    return seq < last ? [{ partition, seq, needed: last }] : [];
  });
}

const RESTORE = "Restore both from one moment, or go on without what is missing: adopt, --adopt.";

function behind(output: string, seq: number, needed: number): MillraceError {
  const holds = seq === 0 ? "nothing of this checkpoint" : `no batch after ${seq}`;
  return new MillraceError(
    "SINK_BEHIND",
    `Output "${output}": its sink holds ${holds}, but by the checkpoint it has batch ${needed}.`,
    {
      hint: `Is it the right database, topic or directory? Was it restored from an older copy, or emptied? ${RESTORE}`,
      at: { operator: output },
    },
  );
}

function partitionBehind(output: string, behind: readonly PartitionBehind[]): MillraceError {
  const [{ partition, seq, needed }, ...others] = behind as [PartitionBehind, ...PartitionBehind[]];
  const holds = seq === 0 ? "nothing of this checkpoint" : `no batch after ${seq}`;
  const also = others.map((other) => other.partition).slice(0, PARTITIONS_NAMED);
  const more = others.length > also.length ? " and others" : "";
  return new MillraceError(
    "SINK_BEHIND",
    `Output "${output}": of partition ${partition} its sink holds ${holds}, but by the checkpoint it has batch ${needed}.${also.length > 0 ? ` Behind ${others.length === 1 ? "is" : "are"} also: ${also.join(", ")}${more}.` : ""}`,
    {
      hint: `Its other partitions hold what they should. Was a part of it restored from an older copy, or its progress deleted? ${RESTORE}`,
      at: { operator: output },
    },
  );
}

function ahead(output: string, held: SinkProgress, world: World, epoch: number): MillraceError {
  return new MillraceError(
    "SINK_AHEAD",
    `Output "${output}": its sink has come to batch ${held.seq} and epoch ${held.epoch}, but the checkpoint, now at epoch ${epoch}, knows of no batch after ${lastPlanned(world)}.`,
    {
      hint: "The checkpoint is an older copy, or another copy of it is at work: stop that one. Restore both from one moment, or go on from this checkpoint and write again what the sinks got since: adopt, --adopt.",
      at: { operator: output },
    },
  );
}
