import type { BatchGraph, Leaf } from "./batch-graph.ts";
import type { BlockNode, Node } from "./node.ts";

/** Cutting a batch's work into stages. Pure: runs nothing. */

/** Something that wants every partition of a node, or some of them. */
export interface Want<C> {
  readonly node: Node;
  readonly partitions?: readonly number[] | undefined;
  readonly consumer: C;
}

/** One pass over one partition of a leaf, for all that want what is computed from it. */
export interface TaskDraft<C> {
  readonly leaf: Leaf;
  /** Of the leaf. */
  readonly partition: number;
  readonly wants: { readonly consumer: C; readonly node: Node; readonly partition: number }[];
  /** Whether an empty slice gives nothing, so that there is nothing to run. */
  skippableWhenEmpty: boolean;
}

/** The block nodes that must be computed for `nodes` and are not in `present`, parents first. */
export function missingBlocks(graph: BatchGraph, nodes: Iterable<Node>, present: ReadonlySet<BlockNode>): BlockNode[] {
  const ordered = new Set<BlockNode>();
  const visit = (node: Node) => {
    for (const block of graph.blockParents(node)) {
      if (present.has(block) || ordered.has(block)) continue;
      visit(graph.blockInput(block));
      ordered.add(block);
    }
  };
  for (const node of nodes) visit(node);
  return [...ordered];
}

/**
 * Stages in the order they must run, each a list of tasks that may run side by side. What reads the same partition of the same leaf
 * shares a task, so that outputs and shuffles of one batch share one pass over Kafka.
 */
export function cutStages<C>(
  graph: BatchGraph,
  wants: readonly Want<C>[],
  present: ReadonlySet<BlockNode>,
): TaskDraft<C>[][] {
  const stages: Map<string, TaskDraft<C>>[] = [];
  const levels = new Map<BlockNode, number>();

  const levelOf = (leaf: Leaf): number => {
    if (leaf.kind === "snapshots") return levelOf(leaf.parent);
    if (leaf.kind === "source" || present.has(leaf)) return 0;
    let level = levels.get(leaf);
    if (level === undefined) {
      const parents = [...graph.blockParents(graph.blockInput(leaf))].map(levelOf);
      level = 1 + Math.max(0, ...parents);
      levels.set(leaf, level);
    }
    return level;
  };

  for (const { node, consumer, partitions = range(graph.numPartitions(node)) } of wants) {
    for (const partition of partitions) {
      const path = graph.path(node, partition);
      const level = levelOf(path.leaf);
      while (stages.length <= level) stages.push(new Map());
      const stage = stages[level]!;
      const key = `${path.leaf.id}:${path.partition}`;
      let draft = stage.get(key);
      if (draft === undefined) {
        draft = { leaf: path.leaf, partition: path.partition, wants: [], skippableWhenEmpty: true };
        stage.set(key, draft);
      }
      draft.wants.push({ consumer, node, partition });
      draft.skippableWhenEmpty &&= path.through.every(
        ({ node: step }) => step.kind === "narrow" && step.operator.perRecord === true,
      );
    }
  }
  return stages.map((stage) => [...stage.values()]).filter((stage) => stage.length > 0);
}

const range = (count: number) => Array.from({ length: count }, (_, i) => i);
