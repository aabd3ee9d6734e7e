import { messageOf } from "../model/error-transfer.ts";
import { assert, internalError, MillraceError } from "../model/errors.ts";
import { type OffsetRange, plainRange } from "../model/offset-range.ts";
import type { RunningPlan } from "../model/plan.ts";
import type { Panes } from "../state/program.ts";
import { dueWindow, paneOf } from "../state/windowed.ts";
import { ActionTrap } from "./action-trap.ts";
import { transformScope, within } from "./graph.ts";
import type { BlockNode, Node, NodeOf } from "./node.ts";
import { RDD } from "./rdd.ts";

/** A node without the transforms: those have become the nodes that their functions chose for this batch. */
export type ResolvedNode = Exclude<Node, { kind: "transform" }>;

/** Where a stage's records come in. */
export type Leaf = NodeOf<"source" | "snapshots"> | BlockNode;

/** How one partition of a node is computed within a stage: from a leaf's partition through these nodes, in this order. */
export interface Path {
  readonly leaf: Leaf;
  readonly partition: number;
  readonly through: readonly Step[];
}

/** A node on the way, and which of its partitions this is: behind a union another one than the leaf's. */
export interface Step {
  readonly node: NodeOf<"narrow" | "async">;
  readonly partition: number;
}

/** A source as it was in one batch: this one, or an earlier one that a window looks back on. */
export interface Input {
  readonly node: NodeOf<"source">;
  readonly plan: RunningPlan;
}

/** What of a graph differs from batch to batch when partitions are counted. */
interface CountedBy {
  ofWindow(window: NodeOf<"window">): number;
  united(union: NodeOf<"union">): readonly Node[];
}

/** The graph as it is in one batch. The driver and each executor have one of their own, made from the same plan. */
export class BatchGraph {
  readonly plan: RunningPlan;
  readonly #nodes: readonly Node[];
  readonly #resolved = new Map<Node, ResolvedNode>();
  readonly #byId = new Map<string, Node>();
  #allOffsetRanges: readonly OffsetRange[] | undefined;
  #earlier: readonly BatchGraph[] | undefined;

  constructor(nodes: readonly Node[], plan: RunningPlan) {
    this.plan = plan;
    this.#nodes = nodes;
    for (const node of nodes) this.#byId.set(node.id, node);
  }

  /** All ranges of Kafka in this batch. Computed once: every task after a shuffle is told of all of them. */
  get allOffsetRanges(): readonly OffsetRange[] {
    this.#allOffsetRanges ??= Object.values(this.plan.slices)
      .flat()
      .filter(({ topicId }) => topicId !== undefined)
      .map(plainRange);
    return this.#allOffsetRanges;
  }

  /** A node by its id. Nodes inside transforms come into being when their transform is resolved, in the order of the graph. */
  find(id: string): Node {
    const [outer] = id.split("/", 1);
    if (outer !== id && !this.#byId.has(id)) this.resolve(this.find(outer!));
    const node = this.#byId.get(id);
    assert(node !== undefined, `there is no node ${id} in this graph`);
    return node;
  }

  resolve(node: Node): ResolvedNode {
    if (node.kind !== "transform") return node;
    let resolved = this.#resolved.get(node);
    if (resolved === undefined) {
      resolved = this.resolve(this.#callTransform(node));
      this.#resolved.set(node, resolved);
    }
    return resolved;
  }

  numPartitions(node: Node): number {
    return this.#count(node, {
      ofWindow: (window) =>
        this.#windowBatches(window).reduce((sum, batch) => sum + batch.numPartitions(window.parent), 0),
      united: (union) => this.#dueParents(union),
    });
  }

  /**
   * The same for what is to last longer than the batch. A window counts as many as its parent: how many batches it holds just now, or that it holds
   * none between two slides, must not decide.
   */
  lastingPartitions(node: Node): number {
    return this.#count(node, {
      ofWindow: (window) => this.lastingPartitions(window.parent),
      united: ({ parents }) => parents,
    });
  }

  /**
   * Whether a stream has an RDD in this batch at all: what comes behind a window has one at each slide only, as in Spark. Of several
   * streams one is enough.
   */
  isDue(node: Node): boolean {
    switch (node.kind) {
      case "source":
        return true;
      case "window":
        return this.#dueWindow(node.panes) !== undefined;
      case "state": {
        const { panes } = node.program;
        return panes === undefined ? this.isDue(node.parent) : this.#dueWindow(panes) !== undefined;
      }
      case "union":
      case "transform":
        return node.parents.some((parent) => this.isDue(parent));
      default:
        return this.isDue(node.parent);
    }
  }

  /** The way from a leaf to `partition` of `node`. */
  path(node: Node, partition: number): Path {
    const resolved = this.resolve(node);
    switch (resolved.kind) {
      case "source":
      case "shuffle":
      case "cache":
      case "state":
      case "window":
      case "snapshots":
        return { leaf: resolved, partition, through: [] };
      case "union": {
        let index = partition;
        for (const parent of this.#dueParents(resolved)) {
          const count = this.numPartitions(parent);
          if (index < count) return this.path(parent, index);
          index -= count;
        }
        throw internalError(`a union has no partition ${partition}`);
      }
      default: {
        const { leaf, partition: index, through } = this.path(resolved.parent, partition);
        return { leaf, partition: index, through: [...through, { node: resolved, partition }] };
      }
    }
  }

  /** What the blocks of `block` are computed from in this batch. */
  blockInput(block: BlockNode): Node {
    return block.kind === "state" && block.initialParent !== undefined && this.#statePlan(block.stateName).fresh
      ? block.initialParent
      : block.parent;
  }

  /** Into how many partitions a batch's blocks of `block` are cut: of a window only this batch's part. */
  blockPartitions(block: BlockNode): number {
    return this.numPartitions(block.kind === "window" ? block.parent : block);
  }

  /** In which batch, and in which partition there, the blocks of a window's partition were written. */
  windowPartition(window: NodeOf<"window">, partition: number): { readonly seq: number; readonly partition: number } {
    let index = partition;
    for (const batch of this.#windowBatches(window)) {
      const count = batch.numPartitions(window.parent);
      if (index < count) return { seq: batch.plan.seq, partition: index };
      index -= count;
    }
    throw internalError(`a window has no partition ${partition}`);
  }

  /** The block nodes that must be computed before any partition of `node` can be: those one stage below it. */
  blockParents(node: Node): Set<BlockNode> {
    return new Set(
      this.#leaves(node).flatMap((leaf) =>
        leaf.kind === "source" ? [] : leaf.kind === "snapshots" ? [leaf.parent] : [leaf],
      ),
    );
  }

  /** Every source that `node` is computed from in this batch, through all stages. */
  sources(node: Node): Set<NodeOf<"source">> {
    const found = new Set<NodeOf<"source">>();
    for (const leaf of this.#leaves(node)) if (leaf.kind === "source") found.add(leaf);
    for (const block of this.blockParents(node)) {
      for (const source of this.sources(this.blockInput(block))) found.add(source);
    }
    return found;
  }

  /** Every source that `node` holds records of, in each batch that it was read in. */
  inputs(node: Node): Input[] {
    const seen = new Map<string, Input>();
    const add = (input: Input) => seen.set(`${input.plan.seq} ${input.node.id}`, input);
    for (const leaf of this.#leaves(node)) if (leaf.kind === "source") add({ node: leaf, plan: this.plan });
    for (const block of this.blockParents(node)) {
      if (block.kind !== "window") this.inputs(this.blockInput(block)).forEach(add);
      else for (const batch of this.#windowBatches(block)) batch.inputs(block.parent).forEach(add);
    }
    return [...seen.values()];
  }

  /** The ranges of Kafka that `node` holds records of. */
  offsetRanges(node: Node): readonly OffsetRange[] {
    return this.inputs(node)
      .filter((input) => input.node.source.offsets)
      .flatMap(
        ({ node: { source }, plan }): readonly OffsetRange[] => source.fixedRanges ?? plan.slices[source.name] ?? [],
      )
      .map(plainRange);
  }

  #count(node: Node, by: CountedBy): number {
    const count = (other: Node) => this.#count(other, by);
    const resolved = this.resolve(node);
    switch (resolved.kind) {
      case "source": {
        const { name, fixedPartitions } = resolved.source;
        return fixedPartitions ?? this.plan.slices[name]?.length ?? 0;
      }
      case "union":
        return by.united(resolved).reduce((sum, parent) => sum + count(parent), 0);
      case "shuffle":
        if (resolved.pinnedBy !== undefined) return this.#statePlan(resolved.pinnedBy).numPartitions;
        // At least one, so that a count of an empty stream has a place.
        return resolved.numPartitions ?? Math.max(1, ...(resolved.sides ?? [resolved.parent]).map(count));
      case "state":
        return this.#statePlan(resolved.stateName).numPartitions;
      case "window":
        return by.ofWindow(resolved);
      default:
        return count(resolved.parent);
    }
  }

  #leaves(node: Node): Leaf[] {
    const resolved = this.resolve(node);
    switch (resolved.kind) {
      case "narrow":
      case "async":
        return this.#leaves(resolved.parent);
      case "union":
        return resolved.parents.flatMap((parent) => this.#leaves(parent));
      default:
        return [resolved];
    }
  }

  #statePlan(name: string) {
    const plan = this.plan.states?.[name];
    assert(plan !== undefined, `the plan of batch ${this.plan.seq} says nothing of the state "${name}"`);
    return plan;
  }

  /** The batches whose records a window holds in this batch, the oldest first; none between two slides. */
  #windowBatches({ parent, panes }: NodeOf<"window">): readonly BatchGraph[] {
    const { earlier } = this.plan;
    const due = this.#dueWindow(panes);
    if (due === undefined) return [];
    this.#earlier ??= earlier.map((plan, i) => {
      // The first batch had none before it, and its plan, when read from a checkpoint, does not even say so: it must not get ours.
      const { previousTime } = plan;
      return new BatchGraph(this.#nodes, { ...this.plan, ...plan, previousTime, earlier: earlier.slice(0, i) });
    });
    return [...this.#earlier, this].filter((batch) => {
      const pane = paneOf(panes, batch.plan.batchTime);
      return pane >= due.first && pane <= due.last && batch.isDue(parent);
    });
  }

  #dueWindow(panes: Panes) {
    return dueWindow(panes, this.plan.batchTime, this.plan.previousTime);
  }

  /** Beside a stream that has an RDD one that has none gives nothing, not even a count of nothing. */
  #dueParents({ parents }: NodeOf<"union">): readonly Node[] {
    return parents.filter((parent) => this.isDue(parent));
  }

  #callTransform(node: NodeOf<"transform">): Node {
    const trap = new ActionTrap(this);
    const scope = transformScope(node, trap, (made) => this.#byId.set(made.id, made));
    const rdds = node.parents.map((parent) => new RDD<never>(parent, scope));
    let result: unknown;
    try {
      result = within(scope, () => node.f(rdds, this.plan.batchTime));
    } catch (error) {
      if (MillraceError.is(error)) throw error;
      throw new MillraceError("TASK_FAILED", `${node.name} failed: ${messageOf(error)}`, {
        hint: "The function threw; its own error is the cause. It chooses the operations of a batch, so the batch cannot run.",
        cause: error,
        at: { operator: node.name, batchTime: this.plan.batchTime },
      });
    }
    trap.check();
    if (result instanceof RDD) return result.node;
    throw new MillraceError("BAD_OPTION", `The function given to ${node.name} returned no RDD.`, {
      hint:
        result instanceof Promise
          ? "transform chooses operations and must not be async. Do I/O in foreachRDD, or in mapAsync."
          : "Return the RDD to go on with, for nothing to do the one that was given.",
      at: { operator: node.name, batchTime: this.plan.batchTime },
    });
  }
}
