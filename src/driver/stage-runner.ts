import { collectorOf } from "../executor/consumer.ts";
import type { ExecutorPool, PooledTask } from "../executor/pool.ts";
import type { Consumer, RunId, StateAdvance, TaskResult } from "../executor/protocol.ts";
import type { BatchGraph } from "../graph/batch-graph.ts";
import type { BlockNode, NodeOf } from "../graph/node.ts";
import type { ReadSize } from "../graph/source.ts";
import { cutStages, missingBlocks, type TaskDraft, type Want } from "../graph/stages.ts";
import { assert } from "../model/errors.ts";
import type { DataLoss, RecordsSkipped } from "../model/events.ts";
import { OffsetRange } from "../model/offset-range.ts";
import type { RunningPlan, Slice } from "../model/plan.ts";
import { type Blocks, BlockWriter } from "../shuffle/block.ts";
import type { Broadcasts } from "./broadcasts.ts";
import type { FixedSources } from "./fixed-sources.ts";
import type { Journal } from "./journal.ts";
import { SkippedRecords } from "./skipped-records.ts";
import { States } from "./states.ts";
import type { TaskSums } from "./task-sums.ts";
import type { WindowBlocks } from "./window-blocks.ts";

/** Who gets what a node gives; the stage says which node and partition. */
export type ConsumerKind = Consumer extends infer C
  ? C extends unknown
    ? Omit<C, "node" | "partition">
    : never
  : never;

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

export interface StageRunnerParts {
  readonly graph: BatchGraph;
  readonly plan: RunningPlan;
  readonly pool: ExecutorPool;
  readonly fixed: FixedSources;
  readonly signal: AbortSignal;
  readonly lasting: Lasting;
}

/** Computes nodes of one batch on the executors, stage by stage. Holds the blocks of the batch's shuffles, caches, states and windows until it ends. */
export class StageRunner {
  readonly #plan: RunningPlan;
  readonly #id: RunId;
  readonly #graph: BatchGraph;
  readonly #pool: ExecutorPool;
  readonly #fixed: FixedSources;
  readonly #lasting: Lasting;
  readonly #signal: AbortSignal;
  readonly #blocks = new Map<BlockNode, Blocks[]>();
  readonly #read = new Map<string, ReadSize>();
  readonly #losses = new Map<string, DataLoss>();
  readonly #skipped = new SkippedRecords();

  constructor({ graph, plan, pool, fixed, signal, lasting }: StageRunnerParts) {
    this.#plan = plan;
    this.#graph = graph;
    this.#pool = pool;
    this.#fixed = fixed;
    this.#signal = signal;
    this.#lasting = lasting;
    this.#id = pool.beginBatch(plan, lasting.broadcasts.values());
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
    return this.#skipped.events(this.#plan.batchTime);
  }

  /** What later batches will look back on. */
  windowBlocks(): ReadonlyMap<NodeOf<"window">, readonly Blocks[]> {
    return new Map([...this.#blocks].flatMap(([node, blocks]) => (node.kind === "window" ? [[node, blocks]] : [])));
  }

  end(): void {
    this.#blocks.clear();
    this.#pool.endBatch(this.#id);
  }

  /** Runs all stages that the wants need. @returns for each want the results of its partitions, in order. */
  async compute(wants: readonly Want<ConsumerKind>[], blocks: readonly BlockNode[] = []): Promise<unknown[][]> {
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
      if (of?.kind === "state") return this.#lasting.states.task(of, partition, this.#plan);
    }
    return undefined;
  }

  #inputsOf(leaf: BlockNode, partition: number): readonly Blocks[] {
    if (leaf.kind === "window") {
      const written = this.#graph.windowPartition(leaf, partition);
      const isOfThisBatch = written.seq === this.#plan.seq;
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
    return this.#plan.slices[source.name] ?? this.#fixed.slicesOf(source);
  }
}

/** Whether a consumer has something to do for an empty partition too. */
function writes(consumer: ConsumerKind): boolean {
  return consumer.kind === "output" || (consumer.kind === "action" && consumer.action.kind === "saveAsTextFile");
}
