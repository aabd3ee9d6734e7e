import type { Time } from "../model/duration.ts";
import type { TaskContext } from "../model/plan.ts";
import type { Partition } from "../operators/partition.ts";
import type { AsyncOperator, NarrowOperator } from "../operators/receiver.ts";
import type { SinkDefinition } from "../operators/sink.ts";
import type { Movement, Partitioner } from "../shuffle/movement.ts";
import type { Panes, StateProgram } from "../state/program.ts";
import type { RDD } from "./rdd.ts";
import type { Source } from "./source.ts";

/** What the user asked for: frozen nodes, each naming its parents. Nothing here runs. */

interface Described {
  /** The same on the driver and on every executor: creation order in the build function, or within one transform. */
  readonly id: string;
  /** The method and the place that called it: `map at job.ts:12:6`. */
  readonly name: string;
  /** Options that must be the same everywhere. */
  readonly options?: string;
}

export type Node = Described &
  (
    | { readonly kind: "source"; readonly source: Source }
    /** Record by record, fused with its neighbours. Partitions stay as they are. */
    | { readonly kind: "narrow"; readonly parent: Node; readonly operator: NarrowOperator }
    /** May wait. Partitions stay as they are. */
    | { readonly kind: "async"; readonly parent: Node; readonly operator: AsyncOperator }
    /** The partitions of all parents, one after the other. */
    | { readonly kind: "union"; readonly parents: readonly Node[] }
    /** Records change task: a stage ends and another begins. */
    | {
        readonly kind: "shuffle";
        readonly parent: Node;
        readonly movement: Movement;
        readonly numPartitions: number | undefined;
        /** The sides of a join, of which `parent` is the union: without `numPartitions` it has as many as the larger of them. */
        readonly sides?: readonly Node[];
        /** The state whose plan says how many partitions there are. */
        readonly pinnedBy?: string;
      }
    /** Advances once per batch, whatever is computed from it. Takes pairs that are partitioned as the state is. */
    | {
        readonly kind: "state";
        readonly parent: Node;
        /** Instead of `parent` in the batch in which the state begins, when it has initial values. */
        readonly initialParent: Node | undefined;
        readonly stateName: string;
        readonly program: StateProgram;
        readonly numPartitions: number | undefined;
        readonly partitioner: Partitioner | undefined;
      }
    /** Every key of a state after this batch, read from where it is held when somebody asks. */
    | { readonly kind: "snapshots"; readonly parent: NodeOf<"state"> }
    /** What its parent held in the batches of a window, partition after partition. Empty between two slides. */
    | { readonly kind: "window"; readonly parent: Node; readonly panes: Panes }
    /** Computed once per batch and kept for it. Ends a stage too, but partitions stay as they are. */
    | { readonly kind: "cache"; readonly parent: Node }
    /** Becomes other nodes, anew for each batch. */
    | {
        readonly kind: "transform";
        readonly parents: readonly Node[];
        readonly f: (rdds: RDD<never>[], time: Time) => RDD<unknown>;
      }
  );

export type NodeOf<K extends Node["kind"]> = Extract<Node, { kind: K }>;

/** Nodes at which a stage starts, other than sources: their records were written as blocks by the stage before. */
export type BlockNode = NodeOf<"shuffle" | "cache" | "state" | "window">;

export function parentsOf(node: Node): readonly Node[] {
  if (node.kind === "source") return [];
  if (node.kind === "state" && node.initialParent !== undefined) return [node.parent, node.initialParent];
  return node.kind === "union" || node.kind === "transform" ? node.parents : [node.parent];
}

/** What a batch does with a stream's RDD, in the order of registration. */
export type Output = {
  readonly id: string;
  /** As given, else the method and the place that called it. */
  readonly name: string;
  readonly named: boolean;
  readonly node: Node;
} & (
  | { readonly kind: "foreachRDD"; readonly f: ForeachRDD }
  | {
      readonly kind: "foreachPartition";
      readonly f: (partition: Partition<never>, task: TaskContext) => void | Promise<void>;
    }
  | { readonly kind: "saveTo"; readonly sink: SinkDefinition<never, unknown> }
);

/** Typed by the facade that registers it. */
export type ForeachRDD = (rdd: never, time: Time, batch: never) => void | Promise<void>;
