import type { World } from "../checkpoint/world.ts";
import type { BatchGraph } from "../graph/batch-graph.ts";
import { type Node, type Output, parentsOf } from "../graph/node.ts";
import { MillraceError } from "../model/errors.ts";
import type { Replay } from "../model/plan.ts";

/** A batch that was left out, done as a new one: its ranges once more, and of its outputs what was not done. */

type Abandoned = World["abandoned"]["last"][number];

/** @throws BAD_OPTION when one of these batches was not left out, or so long ago that its ranges are not kept. */
export function refuseUnknownReplays({ abandoned }: World, replay: readonly number[]): void {
  const unknown = replay.find((seq) => !abandoned.last.some((batch) => batch.seq === seq));
  if (unknown === undefined) return;
  const open = abandoned.last.filter(({ replayedAs }) => replayedAs === undefined).map(({ seq }) => seq);
  throw new MillraceError(
    "BAD_OPTION",
    `Batch ${unknown} cannot be replayed: the checkpoint has no batch of that number that was left out.`,
    {
      hint: open.length === 0 ? "None is left out." : `Left out, and not replayed, are: ${open.slice(-20).join(", ")}.`,
    },
  );
}

/**
 * What of a batch is not done again.
 * @throws PLAN_MISMATCH when it is not known, or when the rest would not fit what was written
 */
export function replayOf(batch: Abandoned, outputs: readonly Output[], graph: BatchGraph, graphDigest: string): Replay {
  const done: { [output: string]: "all" | readonly number[] } = {};
  for (const { name, kind, node } of outputs) {
    const before = batch.outputs.find((output) => output.name === name);
    if (before === undefined || (kind !== "saveTo" && !before.done)) continue;
    const windows = windowsIn(node);
    // What an output has is of a window that the batch after has given meanwhile. The one that the replay may give is another.
    if (windows === "all" || (windows === "some" && kind !== "saveTo")) continue;
    const { written, numPartitions } = before;
    if (windows === "some" && (before.done || written?.length !== 0)) throw partlyOfWindows(batch, name);
    if (before.done || (written !== undefined && written.length > 0 && written.length === numPartitions)) {
      done[name] = "all";
      continue;
    }
    if (written === undefined) throw notKnown(batch, name);
    if (written.length === 0) continue;
    if (batch.graph !== graphDigest || graph.numPartitions(node) !== numPartitions) throw wouldNotFit(batch, name);
    done[name] = written;
  }
  return { seq: batch.seq, done };
}

/** Whether all of a stream, or some of it beside what is of each batch, comes only where a window ends. */
function windowsIn(node: Node): "all" | "some" | "none" {
  if (node.kind === "window" || (node.kind === "state" && node.program.panes !== undefined)) return "all";
  const parents = new Set((node.kind === "state" ? [node.parent] : parentsOf(node)).map(windowsIn));
  if (parents.size === 1) return [...parents][0]!;
  return parents.size === 0 ? "none" : "some";
}

function partlyOfWindows({ seq, batchTime }: Abandoned, output: string): MillraceError {
  return new MillraceError(
    "PLAN_MISMATCH",
    `Batch ${seq} cannot be replayed: output "${output}" has some of it, and brings windows together with what is of each batch.`,
    {
      hint: "The replay may end another window, and that would be missing there, or what is of the batch would be there twice. See what the sink has, and read the ranges that `millrace checkpoint show --json` prints with KafkaUtils.createRDD.",
      at: { operator: output, batchTime },
    },
  );
}

function notKnown({ seq, batchTime }: Abandoned, output: string): MillraceError {
  return new MillraceError(
    "PLAN_MISMATCH",
    `Batch ${seq} cannot be replayed: what the sink of output "${output}" has of it is not known.`,
    {
      hint: "The sink does not tell its progress, or had gone on before it could be asked. See what it has, and read the ranges that `millrace checkpoint show --json` prints with KafkaUtils.createRDD.",
      at: { operator: output, batchTime },
    },
  );
}

function wouldNotFit({ seq, batchTime }: Abandoned, output: string): MillraceError {
  return new MillraceError(
    "PLAN_MISMATCH",
    `Batch ${seq} cannot be replayed by this job: output "${output}" has some of its partitions, written by a job with other operations, and the rest would not fit.`,
    {
      hint: "Replay it with the operations that it ran by; functions may have changed. Else see what the sink has, and read the ranges that `millrace checkpoint show --json` prints with KafkaUtils.createRDD.",
      at: { operator: output, batchTime },
    },
  );
}
