import { collectorOf, isEncoded } from "../executor/consumer.ts";
import type { ExecutorPool, PooledTask } from "../executor/pool.ts";
import type { Consumer, RunId, StateAdvance, TaskResult } from "../executor/protocol.ts";
import type { Action, ActionRunner } from "../graph/action.ts";
import { BatchGraph } from "../graph/batch-graph.ts";
import type { Graph } from "../graph/graph.ts";
import type { BlockNode, Node, NodeOf, Output } from "../graph/node.ts";
import type { ReadSize } from "../graph/source.ts";
import { cutStages, missingBlocks, type TaskDraft, type Want } from "../graph/stages.ts";
import { assert, MillraceError } from "../model/errors.ts";
import type { DataLoss, RecordsSkipped } from "../model/events.ts";
import { OffsetRange } from "../model/offset-range.ts";
import type { RunningPlan, Slice } from "../model/plan.ts";
import { type Partition, partitionOf } from "../operators/partition.ts";
import { type Blocks, BlockWriter } from "../shuffle/block.ts";
import { decodeValues } from "../shuffle/codec.ts";
import { ActionTurns } from "./action-turns.ts";
import type { Broadcasts } from "./broadcasts.ts";
import type { FixedSources } from "./fixed-sources.ts";
import type { Journal } from "./journal.ts";
import { SkippedRecords } from "./skipped-records.ts";
import { States } from "./states.ts";
import type { TaskSums } from "./task-sums.ts";
import type { WindowBlocks } from "./window-blocks.ts";

type ConsumerKind = Consumer extends infer C ? (C extends unknown ? Omit<C, "node" | "partition"> : never) : never;

const COLLECTED: ConsumerKind = { kind: "action", action: { kind: "collect" } };

/** How many partitions `take` reads next when those before did not suffice. Spark: `spark.rdd.limit.scaleUpFactor`. */
const TAKE_GROWTH = 4;

/** What lives longer than a batch. */
export interface Lasting {
  readonly states: States;
  readonly windows: WindowBlocks;
  readonly broadcasts: Broadcasts;
  readonly sums: TaskSums;
}

export function lasting(journal: Journal, windows: WindowBlocks, broadcasts: Broadcasts, sums: TaskSums): Lasting {
  return { states: new States(journal), windows, broadcasts, sums };
}

/** By output. */
export interface OutputResults {
  /** What the tasks of those on executors returned. */
  readonly parts: ReadonlyMap<Output, readonly unknown[]>;
  /** What those that are looked at got. */
  readonly values: ReadonlyMap<Output, readonly unknown[]>;
}

/** One batch on its way through the executors. Holds the blocks of its shuffles and caches until it ends. */
export class BatchRun implements ActionRunner {
  readonly plan: RunningPlan;
  readonly turns = new ActionTurns(() => this.#afterEnd());
  /** Earlier batches that are read again for this one. They end with it at the latest. */
  readonly beside = new Set<BatchRun>();
  readonly #id: RunId;
  readonly #graph: BatchGraph;
  readonly #pool: ExecutorPool;
  readonly #fixed: FixedSources;
  readonly #lasting: Lasting;
  readonly #over = new AbortController();
  readonly #signal: AbortSignal;
  readonly #blocks = new Map<BlockNode, Blocks[]>();
  readonly #read = new Map<string, ReadSize>();
  readonly #losses = new Map<string, DataLoss>();
  readonly #skipped = new SkippedRecords();

  constructor(
    graph: Graph,
    plan: RunningPlan,
    pool: ExecutorPool,
    fixed: FixedSources,
    signal: AbortSignal,
    lasting: Lasting,
  ) {
    this.plan = plan;
    this.#lasting = lasting;
    this.#graph = new BatchGraph(graph.nodes, plan);
    this.#pool = pool;
    this.#fixed = fixed;
    this.#signal = AbortSignal.any([signal, this.#over.signal]);
    this.#id = pool.beginBatch(plan, lasting.broadcasts.values());
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
    return this.#read.get(source) ?? { records: 0, bytes: 0, lossy: false };
  }

  /** What its tasks could not read, each range once however often it was read. */
  get losses(): Iterable<DataLoss> {
    return this.#losses.values();
  }

  /** What policies left out so far. */
  skipped(): RecordsSkipped[] {
    return this.#skipped.events(this.plan.batchTime);
  }

  end(): void {
    this.turns.end();
    for (const other of this.beside) other.end();
    this.beside.clear();
    this.#over.abort(this.#afterEnd());
    this.#blocks.clear();
    this.#pool.endBatch(this.#id);
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
    const results = await this.#compute(wants, advancing);
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
    await this.#compute([], windows);
  }

  /** What later batches will look back on. */
  windowBlocks(): ReadonlyMap<NodeOf<"window">, readonly Blocks[]> {
    return new Map([...this.#blocks].flatMap(([node, blocks]) => (node.kind === "window" ? [[node, blocks]] : [])));
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
    const [segments] = await this.#compute([{ node, consumer: COLLECTED, partitions: [partition] }]);
    return eachDecoded(segments![0]);
  }

  /** All values of a node, computed and encoded; they are decoded as they are read, a few thousand at a time, and then forgotten. */
  async partitions(node: Node): Promise<Partition<unknown>[]> {
    const [encoded = []] = await this.turns.take(() => this.#compute([{ node, consumer: COLLECTED }]));
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
    const [results = []] = await this.#compute([{ node, consumer, partitions }]);
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

  /** Runs all stages that the wants need. @returns for each want the results of its partitions, in order. */
  async #compute(wants: readonly Want<ConsumerKind>[], blocks: readonly BlockNode[] = []): Promise<unknown[][]> {
    const nodes = [...wants.map(({ node }) => node), ...blocks];
    await this.#fixed.open(
      nodes.flatMap((node) => [...this.#graph.sources(node)]),
      this.#signal,
    );
    const missing = missingBlocks(this.#graph, nodes, new Set(this.#blocks.keys()));
    const blockWants = missing.map(
      (block): Want<ConsumerKind> => ({
        node: this.#graph.blockInput(block),
        consumer: { kind: "blocks", of: block.id },
      }),
    );
    const results = wants.map((): unknown[] => []);
    const take = (consumer: ConsumerKind, partition: number, result: unknown) => {
      const want = wants.findIndex((one) => one.consumer === consumer);
      results[want]![wants[want]!.partitions?.indexOf(partition) ?? partition] = result;
    };
    const written = new Map<string, Blocks[]>(missing.map((block) => [block.id, []]));
    for (const block of missing) this.#blocks.set(block, written.get(block.id)!);
    try {
      const present = new Set([...this.#blocks.keys()].filter((block) => !missing.includes(block)));
      for (const stage of cutStages(this.#graph, [...blockWants, ...wants], present)) {
        await this.#runStage(stage, (consumer, partition, result) => {
          if (consumer.kind !== "blocks") take(consumer, partition, result);
          else written.get(consumer.of)![partition] = this.#takeBlocks(consumer.of, partition, result);
        });
      }
    } catch (error) {
      for (const block of missing) this.#blocks.delete(block);
      throw error;
    }
    return results;
  }

  #takeBlocks(id: string, partition: number, result: unknown): Blocks {
    const of = this.#graph.find(id);
    if (of.kind !== "state") return result as Blocks;
    const advance = result as StateAdvance;
    this.#lasting.states.advanced(of, partition, advance);
    return advance.blocks;
  }

  async #runStage(
    stage: readonly TaskDraft<ConsumerKind>[],
    take: (consumer: ConsumerKind, partition: number, result: unknown) => void,
  ): Promise<void> {
    const failed = new AbortController();
    const signal = AbortSignal.any([this.#signal, failed.signal]);
    const run = async (draft: TaskDraft<ConsumerKind>) => {
      const results = await this.#runTask(draft, signal);
      for (const [i, { consumer, partition }] of draft.wants.entries()) take(consumer, partition, results[i]);
    };
    const tasks = await Promise.allSettled(
      stage.map((draft) =>
        run(draft).catch((error) => {
          failed.abort(error);
          throw error;
        }),
      ),
    );
    if (failed.signal.aborted) throw failed.signal.reason;
    for (const task of tasks) if (task.status === "rejected") throw task.reason;
  }

  async #runTask(draft: TaskDraft<ConsumerKind>, signal: AbortSignal): Promise<readonly unknown[]> {
    const { leaf, partition, wants } = draft;
    const slice = leaf.kind === "source" ? this.#slicesOf(leaf)[partition] : undefined;
    const empty = slice !== undefined && slice.fromOffset === slice.untilOffset;
    if (empty && draft.skippableWhenEmpty && !wants.some(({ consumer }) => writes(consumer))) {
      return wants.map(({ consumer }) => this.#resultOfNothing(consumer));
    }
    const state = this.#stateOf(draft);
    const result: TaskResult = await this.#pool.run(
      {
        run: this.#id,
        slice,
        ...(state && { state }),
        inputs: leaf.kind === "source" || leaf.kind === "snapshots" ? [] : this.#inputsOf(leaf, partition),
        consumers: wants.map(
          ({ consumer, node, partition }) => ({ ...consumer, node: node.id, partition }) as Consumer,
        ),
      },
      signal,
    );
    if (result.sums) this.#lasting.sums.add(result.sums);
    if (leaf.kind === "source") {
      const before = this.readFrom(leaf.source.name);
      this.#read.set(leaf.source.name, {
        records: before.records + result.records,
        bytes: before.bytes + result.bytes,
        lossy: before.lossy || result.losses.length > 0,
      });
      for (const loss of result.losses) this.#losses.set(`${OffsetRange.format(loss.range)} ${loss.reason}`, loss);
      this.#skipped.add(leaf.source.name, partition, result.skips);
    }
    return result.results;
  }

  /** Which partition of a state a task reads or advances, if any: what a state's tasks read is its own. */
  #stateOf({ leaf, partition, wants }: TaskDraft<ConsumerKind>): PooledTask["state"] {
    if (leaf.kind === "snapshots") return this.#lasting.states.reading(leaf.parent, partition);
    for (const { consumer, partition } of wants) {
      const of = consumer.kind === "blocks" ? this.#graph.find(consumer.of) : undefined;
      if (of?.kind === "state") return this.#lasting.states.task(of, partition, this.plan);
    }
    return undefined;
  }

  #inputsOf(leaf: BlockNode, partition: number): readonly Blocks[] {
    if (leaf.kind === "window") {
      const written = this.#graph.windowPartition(leaf, partition);
      const isOfThisBatch = written.seq === this.plan.seq;
      const blocks = isOfThisBatch ? this.#blocks.get(leaf) : this.#lasting.windows.of(leaf, written.seq);
      return [blocks![written.partition]!];
    }
    const blocks = this.#blocks.get(leaf)!;
    return leaf.kind === "shuffle" ? blocks : [blocks[partition]!];
  }

  /** What a task would give for an empty slice, without running it. */
  #resultOfNothing(consumer: ConsumerKind): unknown {
    switch (consumer.kind) {
      case "blocks":
        return new BlockWriter(this.#graph.blockPartitions(this.#graph.find(consumer.of) as BlockNode)).finish();
      case "action":
        assert(consumer.action.kind !== "saveAsTextFile", "an empty part is written by its task");
        return collectorOf(consumer.action, "").result();
      case "output":
        return undefined;
    }
  }

  #slicesOf({ source }: NodeOf<"source">): readonly Slice[] {
    return this.plan.slices[source.name] ?? this.#fixed.slicesOf(source);
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

/** Whether a consumer has something to do for an empty partition too. */
function writes(consumer: ConsumerKind): boolean {
  return consumer.kind === "output" || (consumer.kind === "action" && consumer.action.kind === "saveAsTextFile");
}
