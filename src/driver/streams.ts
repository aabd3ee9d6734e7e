import type { JobContext } from "../graph/job-context.ts";
import { type Node, type NodeOf, parentsOf } from "../graph/node.ts";
import type { Source } from "../graph/source.ts";
import { MillraceError } from "../model/errors.ts";
import type { Stream } from "./plan-batch.ts";

/** Which streams a driver has to plan, and what it refuses before it starts. */

/** The streams that any output is computed from. */
export function streamsOf({ graph }: JobContext): Source[] {
  return streamsBehind(graph.outputs.map(({ node }) => node));
}

/** The streams that these nodes are computed from. */
function streamsBehind(nodes: readonly Node[]): Source[] {
  const needed = new Set<Node>();
  const visit = (node: Node) => {
    if (needed.has(node)) return;
    needed.add(node);
    for (const parent of parentsOf(node)) visit(parent);
  };
  for (const node of nodes) visit(node);
  return [...needed].flatMap((node) => (node.kind === "source" && node.source.streaming ? [node.source] : []));
}

/** Whether something of the job's would be wrong, and not only twice there, when a batch half done goes on by other code. */
export function keepsExactlyOnce({ graph }: JobContext): boolean {
  return graph.outputs.some(({ kind }) => kind === "saveTo") || graph.nodes.some(({ kind }) => kind === "state");
}

/** @throws WRONG_STATE when nobody would notice that the job runs. */
export function refuseIdleGraph({ graph, driverFunctions }: JobContext): void {
  if (graph.outputs.length > 0 || driverFunctions.length > 0) return;
  throw new MillraceError("WRONG_STATE", "There is nothing to do: no output operation was registered.", {
    hint: "End a stream with foreachRDD, foreachPartition, saveTo or pprint, or use onDriver.",
  });
}

/** As in Spark: the values of a queue are gone with the process. @throws BAD_OPTION */
export function refuseWhatCannotRestart(streams: readonly Stream[]): void {
  const queue = streams.find(({ source }) => !source.offsets);
  if (queue === undefined) return;
  throw new MillraceError(
    "BAD_OPTION",
    `The stream "${queue.source.name}" cannot be used with a checkpoint: nobody has its values after a restart.`,
    { hint: "Read from Kafka, or leave out checkpointDirectory." },
  );
}

/** Windows that are no aggregates read their earlier batches again after a restart. @throws TOPIC_COMPACTED */
export async function refuseUnrepeatable(
  streams: readonly Stream[],
  windows: readonly NodeOf<"window">[],
  signal: AbortSignal,
): Promise<void> {
  for (const { source, planner } of streams) {
    const window = windows.find((node) => streamsBehind([node]).includes(source));
    if (window !== undefined) await planner.refuseUnrepeatable?.(window.name, signal);
  }
}
