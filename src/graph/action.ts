import type { Time } from "../model/duration.ts";
import type { OffsetRange } from "../model/offset-range.ts";
import type { Node } from "./node.ts";

/** What the driver can ask of an RDD. Plain data: an action never takes a function, so there is no question where one would run. */
export type Action =
  | { readonly kind: "collect" }
  | { readonly kind: "count" }
  | { readonly kind: "take"; readonly limit: number }
  | { readonly kind: "countByKey" }
  | { readonly kind: "countByValue" }
  | { readonly kind: "stats" }
  /** The largest value of a partition for sign -1, the smallest for 1. */
  | { readonly kind: "extreme"; readonly sign: 1 | -1 }
  | { readonly kind: "lookup"; readonly key: unknown }
  /** How many numbers are between one edge and the next. */
  | { readonly kind: "histogram"; readonly edges: readonly number[] }
  /** Each partition into a file of its own. */
  | { readonly kind: "saveAsTextFile"; readonly directory: string };

/** Computes actions. Where it comes from decides when an RDD may be asked: during its batch, in `onDriver`, never inside transform. */
export interface ActionRunner {
  /** One result per partition, in order; with `take` possibly fewer partitions. */
  run(node: Node, action: Action): Promise<unknown[]>;
  /** One partition after the other. */
  iterate(node: Node): AsyncIterableIterator<unknown>;
  numPartitions(node: Node): number;
  offsetRanges(node: Node): readonly OffsetRange[];
}

/** The same for RDDs of a build function, which also knows the batches that were. */
export interface GraphRunner extends ActionRunner {
  /** One for each batch of these times, both included, the oldest first: it computes `node` as it was in that batch. */
  slice(node: Node, from: Time, to: Time): readonly ActionRunner[];
}

/** Count, mean and the rest of some numbers; can be merged without losing digits. */
export interface Moments {
  count: number;
  mean: number;
  /** Sum of squared distances from the mean. */
  spread: number;
  sum: number;
  min: number;
  max: number;
}

/** Chan's update of Welford's method. */
export function mergeMoments(a: Moments, b: Moments): Moments {
  if (a.count === 0 || b.count === 0) return a.count === 0 ? b : a;
  const count = a.count + b.count;
  const delta = b.mean - a.mean;
  return {
    count,
    mean: a.mean + (delta * b.count) / count,
    spread: a.spread + b.spread + (delta * delta * a.count * b.count) / count,
    sum: a.sum + b.sum,
    min: Math.min(a.min, b.min),
    max: Math.max(a.max, b.max),
  };
}

export const noMoments: Moments = { count: 0, mean: 0, spread: 0, sum: 0, min: Infinity, max: -Infinity };
