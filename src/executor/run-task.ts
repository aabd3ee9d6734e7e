import type { BatchGraph, Leaf, Path, Step } from "../graph/batch-graph.ts";
import type { NodeOf, Output } from "../graph/node.ts";
import { messageOf } from "../model/error-transfer.ts";
import { assert, type ErrorCode, internalError, MillraceError } from "../model/errors.ts";
import type { DataLoss } from "../model/events.ts";
import { type OffsetRange, plainRange } from "../model/offset-range.ts";
import type { TaskContext } from "../model/plan.ts";
import { type Partition, partitionOf } from "../operators/partition.ts";
import { type Chunk, OperatorFailure } from "../operators/receiver.ts";
import { writeTextPart } from "../operators/text-part.ts";
import { crossing } from "../shuffle/cloneable.ts";
import { type BlockReceiver, stay } from "../shuffle/movement.ts";
import type { StateBatch } from "../state/program.ts";
import { collectorOf } from "./consumer.ts";
import { type Branch, branchAt, type Chain, compose, Flow, Located, newBranch, pump } from "./pipeline.ts";
import type { Consumer, Task, TaskResult } from "./protocol.ts";
import type { SinkConnections } from "./sink-connections.ts";
import { Skips } from "./skips.ts";
import type { StateHome } from "./state-home.ts";

/** Where a task runs: an executor's copy of the graph. */
export interface TaskHome {
  readonly graph: BatchGraph;
  readonly outputs: readonly Output[];
  readonly sinks: SinkConnections;
  readonly states: StateHome;
  readonly signal: AbortSignal;
}

/**
 * Reads one partition of one leaf and hands its records to all consumers of the task. Knows nothing of threads.
 * @throws a MillraceError that names operator, topic, partition and offset, as far as they are known.
 */
export async function runTask(task: Task, home: TaskHome): Promise<TaskResult> {
  const flow = new Flow(home.signal);
  const read = { records: 0, bytes: 0, losses: [] as DataLoss[] };
  const skips = new Skips();
  try {
    const root = newBranch();
    const contexts = new TaskContexts(task, home, flow.signal);
    const { leaf, partition } = pathOf(task.consumers[0], home.graph);
    const finishers = task.consumers.map((consumer) => attach(consumer, task, root, flow, contexts, home));
    const guarding = leaf.kind === "source" && home.graph.plan.onRecordError === "skip";
    const contextOf = ({ node, partition }: Step) => contexts.at(partition, home.graph.numPartitions(node));
    const chain = compose(root, flow, contextOf, guarding ? skips : undefined);
    flow.start(() =>
      pump(chunksOf(leaf, partition, task, home, flow.signal, chain, read, skips), chain, flow, leaf.name),
    );
    await flow.finish();
    return { results: finishers.map((finish) => finish()), ...read, skips: skips.all() };
  } catch (error) {
    throw taskError(error, task, home.graph.plan.batchTime, skips.chunk);
  }
}

function pathOf(consumer: Consumer | undefined, graph: BatchGraph): Path {
  assert(consumer !== undefined, "a task without consumers");
  return graph.path(graph.find(consumer.node), consumer.partition);
}

/** Puts a consumer at the end of its way. Returns what gives its result when all is read. */
function attach(
  consumer: Consumer,
  { state }: Task,
  root: Branch,
  flow: Flow,
  contexts: TaskContexts,
  home: TaskHome,
): () => unknown {
  const { graph, outputs } = home;
  const branch = branchAt(root, pathOf(consumer, graph).through);
  const node = graph.find(consumer.node);
  switch (consumer.kind) {
    case "action": {
      const { action } = consumer;
      if (action.kind === "saveAsTextFile") {
        const context = contexts.at(consumer.partition, graph.numPartitions(node));
        return attachWaiting(branch, flow, node.name, (values) => writeTextPart(action.directory, values, context));
      }
      const collector = collectorOf(action, node.name);
      branch.receivers.push(collector);
      return () => collector.result();
    }
    case "blocks": {
      const of = graph.find(consumer.of);
      const context = contexts.at(consumer.partition, graph.numPartitions(node));
      if (of.kind === "state") {
        assert(state !== undefined, `a task of ${of.id} without a version of its state`);
        const advance = home.states.advance(of, state, stateBatch(of, graph), context);
        branch.receivers.push(advance.receiver as BlockReceiver<unknown>);
        return () => advance.finish();
      }
      assert(of.kind === "shuffle" || of.kind === "cache" || of.kind === "window", `${of.id} takes no blocks`);
      const movement = of.kind === "shuffle" ? of.movement : stay();
      const writer = movement.write(of.name, graph.blockPartitions(of), context);
      branch.receivers.push(writer as BlockReceiver<unknown>);
      return () => writer.blocks();
    }
    case "output": {
      const output = outputs.find(({ id }) => id === consumer.output);
      assert(output !== undefined && output.kind !== "foreachRDD", `${consumer.output} is no output for executors`);
      const context = contexts.at(consumer.partition, graph.numPartitions(node));
      return attachWaiting(branch, flow, output.name, (values) => write(output, values, context, home));
    }
  }
}

function stateBatch({ stateName, parent, initialParent }: NodeOf<"state">, graph: BatchGraph): StateBatch {
  const { plan } = graph;
  const withInitial = initialParent !== undefined && plan.states?.[stateName]?.fresh === true;
  return { time: plan.batchTime, previousTime: plan.previousTime, withInitial, due: graph.isDue(parent) };
}

/** Puts code that waits at the end of a branch. */
function attachWaiting(
  branch: Branch,
  flow: Flow,
  name: string,
  work: (values: Partition<never>) => Promise<unknown>,
): () => unknown {
  const bridge = flow.bridge();
  branch.bridges.push(bridge);
  let result: unknown;
  flow.start(async () => {
    try {
      result = await work(partitionOf(bridge as AsyncIterable<never[]>));
    } catch (error) {
      // Also an error of ours bears the output's name: what a sink could not do is told from what could not be read.
      throw error instanceof OperatorFailure ? error : new OperatorFailure(name, error);
    }
    // A function that returns early has seen enough: what still comes is not kept for it.
    bridge.abandon();
  });
  return () => result;
}

/** @returns what the driver needs to publish the batch, if anything. */
async function write(
  output: Exclude<Output, { kind: "foreachRDD" }>,
  partition: Partition<never>,
  context: TaskContext,
  { graph, sinks }: TaskHome,
): Promise<unknown> {
  if (output.kind === "foreachPartition") return void (await output.f(partition, context));
  const { checkpointId, appName, digest } = graph.plan;
  const { attempt: _, ...place } = context;
  const commit = { ...place, checkpointId, appName, digest, output: output.name };
  const connection = await sinks.open(output, commit);
  if ("writePartition" in output.sink) {
    return crossing(await output.sink.writePartition(connection, partition, commit), `what ${output.name} wrote`);
  }
  assert("commitPartition" in output.sink, `${output.name} is written by the driver`);
  return output.sink.commitPartition(connection, partition, commit);
}

/** The contexts that functions of one task get: operators see their own partition number, outputs theirs. */
class TaskContexts {
  readonly #shared: Omit<TaskContext, "partition" | "numPartitions">;

  constructor(task: Task, { graph }: TaskHome, signal: AbortSignal) {
    const { seq, epoch, batchTime } = graph.plan;
    this.#shared = { seq, epoch, batchTime, attempt: task.attempt, signal, offsetRanges: rangesOf(task, graph) };
  }

  at(partition: number, numPartitions: number): TaskContext {
    return { ...this.#shared, partition, numPartitions };
  }
}

function rangesOf({ slice }: Task, graph: BatchGraph): readonly OffsetRange[] {
  if (slice === undefined) return graph.allOffsetRanges;
  return slice.topicId === undefined ? [] : [plainRange(slice)];
}

async function* chunksOf(
  leaf: Leaf,
  partition: number,
  { slice, inputs, state }: Task,
  { graph, states }: TaskHome,
  signal: AbortSignal,
  { receiver }: Chain,
  read: { records: number; bytes: number; losses: DataLoss[] },
  skips: Skips,
): AsyncIterable<Chunk<unknown>> {
  if (leaf.kind === "snapshots") {
    assert(state !== undefined, `nothing to read from ${leaf.name}`);
    yield* states.snapshot(leaf, partition, state);
    return;
  }
  if (leaf.kind !== "source") {
    const movement = leaf.kind === "shuffle" ? leaf.movement : stay();
    const written = leaf.kind === "window" ? graph.windowPartition(leaf, partition).partition : partition;
    yield* movement.read(inputs, written, leaf.name);
    return;
  }
  assert(slice !== undefined, `nothing to read from ${leaf.source.name}`);
  const onBytes = (bytes: number) => {
    read.bytes += bytes;
  };
  const onDataLoss = (loss: DataLoss) => void read.losses.push(loss);
  const onUndecodable = (error: MillraceError) => skips.undecodable(error);
  const countsOnly = receiver.countsOnly === true;
  for await (const chunk of leaf.source.read(slice, { signal, countsOnly, onBytes, onDataLoss, onUndecodable })) {
    read.records += chunk.length;
    skips.chunk = chunk;
    yield chunk;
  }
}

/** What a promise leads to that nobody expects. */
const OF_A_PROMISE: ReadonlySet<ErrorCode> = new Set(["ASYNC_FUNCTION", "NOT_CLONEABLE"]);

function taskError(
  thrown: unknown,
  { slice }: Task,
  batchTime: number,
  chunk: Chunk<unknown> | undefined,
): MillraceError {
  let place = thrown instanceof Located ? thrown.place : undefined;
  let error = thrown instanceof Located ? thrown.cause : thrown;
  let operator: string | undefined;
  if (error instanceof OperatorFailure) {
    operator = error.operator;
    place = error.place ?? place;
    error = error.cause;
  }
  if (MillraceError.is(error) && OF_A_PROMISE.has(error.code)) error = chunk?.promised?.() ?? error;
  const where = { ...(place ?? (slice && { topic: slice.topic, partition: slice.partition })), batchTime };
  if (MillraceError.is(error)) {
    const { code, message, hint, cause } = error;
    return new MillraceError(code, message, {
      hint,
      // Of ours the stack is what tells something.
      cause: cause ?? (code === "INTERNAL_ERROR" ? error : undefined),
      at: { ...where, ...(operator && { operator }), ...error.at },
    });
  }
  // Neither a function nor a sink threw it, nor the system.
  if (operator === undefined && (error as { code?: unknown } | null)?.code === undefined) {
    return internalError(`a task failed: ${messageOf(error)}`, error);
  }
  const record = place ? ` at ${place.topic}-${place.partition} offset ${place.offset}` : "";
  return new MillraceError("TASK_FAILED", `${operator ?? "The task"} failed${record}: ${messageOf(error)}`, {
    hint: operator
      ? "The function threw; its own error is the cause. Nothing of this batch counts until it is corrected and the batch runs again."
      : "The cause tells what went wrong.",
    cause: error,
    at: { ...where, ...(operator && { operator }) },
  });
}
