import { isEncoded } from "../executor/consumer.ts";
import type { ExecutorPool } from "../executor/pool.ts";
import type { Action, ActionRunner } from "../graph/action.ts";
import { BatchGraph } from "../graph/batch-graph.ts";
import type { Graph } from "../graph/graph.ts";
import type { BlockNode, Node, NodeOf, Output } from "../graph/node.ts";
import type { ReadSize } from "../graph/source.ts";
import type { Want } from "../graph/stages.ts";
import { MillraceError } from "../model/errors.ts";
import type { DataLoss, RecordsSkipped } from "../model/events.ts";
import type { OffsetRange } from "../model/offset-range.ts";
import type { RunningPlan } from "../model/plan.ts";
import { type Partition, partitionOf } from "../operators/partition.ts";
import type { Blocks } from "../shuffle/block.ts";
import { decodeValues } from "../shuffle/codec.ts";
import { ActionTurns } from "./action-turns.ts";
import type { FixedSources } from "./fixed-sources.ts";
import { type ConsumerKind, type Lasting, StageRunner } from "./stage-runner.ts";

const COLLECTED: ConsumerKind = { kind: "action", action: { kind: "collect" } };

/** How many partitions `take` reads next when those before did not suffice. Spark: `spark.rdd.limit.scaleUpFactor`. */
const TAKE_GROWTH = 4;

/** By output. */
export interface OutputResults {
  /** What the tasks of those on executors returned. */
  readonly parts: ReadonlyMap<Output, readonly unknown[]>;
  /** What those that are looked at got. */
  readonly values: ReadonlyMap<Output, readonly unknown[]>;
}

/** One batch on its way through the executors: its outputs, and the actions of its RDDs. */
export class BatchRun implements ActionRunner {
  readonly plan: RunningPlan;
  readonly turns = new ActionTurns(() => this.#afterEnd());
  /** Earlier batches that are read again for this one. They end with it at the latest. */
  readonly beside = new Set<BatchRun>();
  readonly #graph: BatchGraph;
  readonly #stages: StageRunner;
  readonly #over = new AbortController();

  constructor(
    { nodes }: Graph,
    plan: RunningPlan,
    pool: ExecutorPool,
    fixed: FixedSources,
    signal: AbortSignal,
    lasting: Lasting,
  ) {
    this.plan = plan;
    this.#graph = new BatchGraph(nodes, plan);
    const ended = AbortSignal.any([signal, this.#over.signal]);
    this.#stages = new StageRunner({ graph: this.#graph, plan, pool, fixed, lasting, signal: ended });
  }

  /**
   * The function that started the actions under way has ended, so nobody awaits them: they never settle. Failing would end the process
   * as an unhandled rejection, and hide why the batch fails. @returns whether there were any
   */
  forsakeActions(): boolean {
    return this.turns.forsake();
  }

  /** What was read from a source so far; twice as much when it was read twice. */
  readFrom(source: string): ReadSize {
    return this.#stages.readFrom(source);
  }

  /** What its tasks could not read, each range once however often it was read. */
  get losses(): Iterable<DataLoss> {
    return this.#stages.losses;
  }

  /** What policies left out so far. */
  skipped(): RecordsSkipped[] {
    return this.#stages.skipped();
  }

  end(): void {
    this.turns.end();
    for (const other of this.beside) other.end();
    this.beside.clear();
    this.#over.abort(this.#afterEnd());
    this.#stages.end();
  }

  /** Whether a stream has an RDD in this batch. */
  isDue(node: Node): boolean {
    return this.#graph.isDue(node);
  }

  /**
   * All outputs that run on executors, in as few passes as their sources allow, and with them what `probed` outputs get, and `advancing`:
   * states and windows, which go on in every batch.
   */
  async runOutputs(
    outputs: readonly Output[],
    probed: readonly Output[],
    advancing: readonly BlockNode[],
  ): Promise<OutputResults> {
    const wants = [
      ...outputs.map(
        (output): Want<ConsumerKind> => ({
          node: output.node,
          consumer: { kind: "output", output: output.id },
          partitions: this.plan.replay && this.partitionsOf(output),
        }),
      ),
      ...probed.map(({ node }): Want<ConsumerKind> => ({ node, consumer: { ...COLLECTED } })),
    ];
    const results = await this.#stages.compute(wants, advancing);
    const values = results.slice(outputs.length).map((encoded) => encoded.flatMap(decodeSegments));
    return {
      parts: new Map(outputs.map((output, i) => [output, results[i]!])),
      values: new Map(probed.map((output, i) => [output, values[i]!])),
    };
  }

  /** Those that an output is to write in this batch, in order: all of them, or what a replay finds left to do. */
  partitionsOf({ name, node }: Pick<Output, "name" | "node">): readonly number[] {
    const all = Array.from({ length: this.#graph.numPartitions(node) }, (_, partition) => partition);
    const done = this.plan.replay?.done[name];
    return done === undefined || done === "all" ? all : all.filter((partition) => !done.includes(partition));
  }

  /** What windows need of a batch that completed in an earlier run of the driver. */
  async readAgain(windows: readonly NodeOf<"window">[]): Promise<void> {
    await this.#stages.compute([], windows);
  }

  /** What later batches will look back on. */
  windowBlocks(): ReadonlyMap<NodeOf<"window">, readonly Blocks[]> {
    return this.#stages.windowBlocks();
  }

  run(node: Node, action: Action): Promise<unknown[]> {
    return this.turns.take(() => (action.kind === "take" ? this.#take(node, action.limit) : this.#act(node, action)));
  }

  async *iterate(node: Node): AsyncIterableIterator<unknown> {
    const count = this.numPartitions(node);
    for (let partition = 0; partition < count; partition++) {
      for await (const values of await this.turns.take(() => this.partition(node, partition))) yield* values;
    }
  }

  /** All values of one partition, decoded as they are read, a few thousand at a time. */
  async partition(node: Node, partition: number): Promise<AsyncIterable<readonly unknown[]>> {
    const [segments] = await this.#stages.compute([{ node, consumer: COLLECTED, partitions: [partition] }]);
    return eachDecoded(segments![0]);
  }

  /** All values of a node, computed and encoded; they are decoded as they are read, a few thousand at a time, and then forgotten. */
  async partitions(node: Node): Promise<Partition<unknown>[]> {
    const [encoded = []] = await this.turns.take(() => this.#stages.compute([{ node, consumer: COLLECTED }]));
    return encoded.map((segments) => partitionOf(eachDecoded(segments)));
  }

  numPartitions(node: Node): number {
    this.turns.refuseAfterEnd();
    return this.#graph.numPartitions(node);
  }

  offsetRanges(node: Node): readonly OffsetRange[] {
    this.turns.refuseAfterEnd();
    return this.#graph.offsetRanges(node);
  }

  async #act(node: Node, action: Action, partitions?: readonly number[]): Promise<unknown[]> {
    const consumer: ConsumerKind = { kind: "action", action };
    const [results = []] = await this.#stages.compute([{ node, consumer, partitions }]);
    return isEncoded(action) ? results.map(decodeSegments) : results;
  }

  async #take(node: Node, limit: number): Promise<unknown[]> {
    const count = this.numPartitions(node);
    const results: unknown[] = [];
    let found = 0;
    for (let from = 0, width = 1; from < count && found < limit; from += width, width *= TAKE_GROWTH) {
      const partitions = Array.from({ length: Math.min(width, count - from) }, (_, i) => from + i);
      for (const values of await this.#act(node, { kind: "take", limit }, partitions)) {
        results.push(values);
        found += (values as unknown[]).length;
      }
    }
    return results;
  }

  #afterEnd(): MillraceError {
    return new MillraceError("ACTION_AFTER_BATCH", "An RDD was asked for its data after its batch had ended.", {
      hint: "Keep the values you need (collect, take), not the RDD. Its data is gone with the batch.",
      at: { batchTime: this.plan.batchTime },
    });
  }
}

const decodeSegments = (segments: unknown) => (segments as Uint8Array[]).flatMap((segment) => decodeValues(segment));

async function* eachDecoded(segments: unknown): AsyncGenerator<unknown[]> {
  for (let rest = segments as Uint8Array[]; rest.length > 0; ) yield decodeValues(rest.shift()!);
}
