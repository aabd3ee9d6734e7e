import { MillraceError } from "../model/errors.ts";
import { checkArgument, checkOptions, isBoolean, isFunction, isInteger, isNumber } from "../model/options.ts";
import type { TaskContext } from "../model/plan.ts";
import { aggregatePartition, countPartition, reducePartition, sumPartition } from "../operators/fold.ts";
import { map } from "../operators/map.ts";
import { mapAsync as mapAsyncOperator } from "../operators/map-partitions.ts";
import type { AsyncOperator, NarrowOperator } from "../operators/receiver.ts";
import { randomPart, sample } from "../operators/sample.ts";
import { crossing } from "../shuffle/cloneable.ts";
import { join, type Outer, sides } from "../shuffle/cogroup.ts";
import { combineByKey } from "../shuffle/combine.ts";
import { gather, type Movement, type Partitioner, roundRobin } from "../shuffle/movement.ts";
import { sortBy } from "../shuffle/sort.ts";
import type { Scope } from "./graph.ts";
import type { Node, NodeOf } from "./node.ts";

/** The nodes behind the methods that DStream and RDD share. */

/** The most partitions a shuffle may have: each map task keeps a list for each of them. */
const PARTITIONS_MAX = 10_000;

export const isPartitionCount = isInteger(1, PARTITIONS_MAX);

export function narrow<T, U>(scope: Scope, method: string, parent: Node, operator: NarrowOperator<T, U>): Node {
  return scope.node(method, { kind: "narrow", parent, operator });
}

export function awaiting<T, U>(scope: Scope, method: string, parent: Node, operator: AsyncOperator<T, U>): Node {
  return scope.node(method, { kind: "async", parent, operator });
}

export function mapAsync<T, U>(
  scope: Scope,
  parent: Node,
  f: (value: T, task: TaskContext) => Promise<U>,
  options: { concurrency?: number } = {},
): Node {
  checkOptions("mapAsync", options, { concurrency: isInteger(1, 100_000) });
  return awaiting(scope, "mapAsync", parent, mapAsyncOperator(f, { concurrency: options.concurrency ?? 16 }));
}

export function sampled(
  scope: Scope,
  parent: Node,
  options: { fraction: number; withReplacement?: boolean; seed?: number },
): Node {
  // Beyond this e^-fraction is no number to draw against; who wants more copies than this wants another operation.
  const fraction = isNumber(0, options?.withReplacement ? 100 : 1);
  checkOptions("sample", options, { fraction, withReplacement: isBoolean, seed: isInteger(Number.MIN_SAFE_INTEGER) });
  if (options.fraction === undefined) {
    throw new MillraceError("BAD_OPTION", "sample needs a fraction.", {
      hint: "For example: sample({ fraction: 0.1 }).",
    });
  }
  const { withReplacement = false, seed } = options;
  const given = { fraction: options.fraction, withReplacement, seed };
  return scope.node("sample", { kind: "narrow", parent, operator: sample(given), options: JSON.stringify(given) });
}

/** One node for each weight. @throws BAD_OPTION */
export function randomSplit(
  scope: Scope,
  parent: Node,
  weights: readonly number[],
  options: { seed?: number | undefined } = {},
): Node[] {
  checkOptions("randomSplit", options, { seed: isInteger(Number.MIN_SAFE_INTEGER) });
  const areWeights = Array.isArray(weights) && weights.every((weight) => Number.isFinite(weight) && weight >= 0);
  const total = areWeights ? weights.reduce((sum, weight) => sum + weight, 0) : 0;
  if (!(total > 0)) {
    throw new MillraceError(
      "BAD_OPTION",
      `randomSplit takes weights from 0 on, not all 0; it got ${JSON.stringify(weights)}.`,
      {
        hint: "For example randomSplit([0.8, 0.2]).",
      },
    );
  }
  let sum = 0;
  return weights.map((weight, i) => {
    const from = sum / total;
    sum += weight;
    // Rounding must not lose the last values.
    const to = i === weights.length - 1 ? 1 : sum / total;
    const part = { from, to, seed: options.seed };
    const operator = randomPart(from, to, options.seed);
    return scope.node("randomSplit", { kind: "narrow", parent, operator, options: JSON.stringify(part) });
  });
}

export function union(scope: Scope, parents: readonly Node[]): Node {
  return scope.node("union", { kind: "union", parents });
}

export function cache(scope: Scope, parent: Node): Node {
  return parent.kind === "cache" ? parent : scope.node("cache", { kind: "cache", parent });
}

/** What a user passes as options of a shuffle. */
interface GivenShuffleOptions {
  numPartitions?: number | undefined;
  partitioner?: Partitioner | undefined;
}

export function shuffle<T, U>(
  scope: Scope,
  method: string,
  parent: Node,
  movementBy: (partitioner: Partitioner | undefined) => Movement<T, U>,
  options: GivenShuffleOptions = {},
  larger?: readonly Node[],
): NodeOf<"shuffle"> {
  checkOptions(method, options, { numPartitions: isPartitionCount, partitioner: isFunction });
  const { numPartitions, partitioner } = options;
  return scope.node(method, {
    kind: "shuffle",
    parent,
    movement: movementBy(partitioner) as Movement,
    numPartitions,
    ...(larger && { sides: larger }),
    options: JSON.stringify({ numPartitions, partitioner: partitioner !== undefined }),
  });
}

export function reduceByKey<V>(
  scope: Scope,
  method: string,
  parent: Node,
  f: (a: V, b: V) => V,
  options?: GivenShuffleOptions,
): Node {
  const combiner = { create: (value: V) => value, mergeValue: f, mergeCombiners: f };
  return shuffle(scope, method, parent, (partitioner) => combineByKey(combiner, partitioner), options);
}

/** The node behind a stream or an RDD that was given to `method`. @throws BAD_OPTION */
export function nodeOf(method: string, given: { readonly node: Node } | undefined): Node {
  if (given?.node !== undefined) return given.node;
  throw new MillraceError("BAD_OPTION", `${method} takes another stream or RDD; it got ${typeof given}.`, {
    hint: `Streams go with streams and RDDs with RDDs: stream.${method}(otherStream). To bring an RDD to a stream, use transform.`,
  });
}

/** @throws BAD_OPTION also when there are none */
export function nodesOf(method: string, given: readonly { readonly node: Node }[]): Node[] {
  if (Array.isArray(given) && given.length > 0) return given.map((one) => nodeOf(method, one));
  throw new MillraceError("BAD_OPTION", `${method} takes at least one stream.`, {
    hint: "A stream of nothing is ssc.queueStream([]).",
  });
}

/** Two parents through one shuffle: cogroup, the joins, subtractByKey. @throws BAD_OPTION when there is no other parent */
export function coShuffle<T, U>(
  scope: Scope,
  method: string,
  parent: Node,
  other: { readonly node: Node } | undefined,
  movementBy: (partitioner: Partitioner | undefined) => Movement<T, U>,
  options?: GivenShuffleOptions,
): Node {
  const parents = [parent, nodeOf(method, other)];
  const marked = parents.map((side, index) => narrow(scope, method, side, sides[index]!));
  return shuffle(scope, method, scope.node(method, { kind: "union", parents: marked }), movementBy, options, parents);
}

export function joined(
  scope: Scope,
  method: string,
  parent: Node,
  other: { readonly node: Node },
  outer: Outer,
  options?: GivenShuffleOptions,
): Node {
  return coShuffle(scope, method, parent, other, (partitioner) => join(outer, partitioner), options);
}

export function countByValue(scope: Scope, parent: Node, options?: GivenShuffleOptions): Node {
  const ones = narrow(
    scope,
    "countByValue",
    parent,
    map((value) => [value, 1]),
  );
  return reduceByKey(scope, "countByValue", ones, (a: number, b: number) => a + b, options);
}

export function repartition(scope: Scope, parent: Node, numPartitions: number): Node {
  requirePartitions("repartition", numPartitions);
  return shuffle(scope, "repartition", parent, () => roundRobin(), { numPartitions });
}

/** One number in one partition, 0 for an empty batch. */
export function count(scope: Scope, parent: Node): Node {
  const counts = narrow(scope, "count", parent, countPartition());
  return narrow(scope, "count", gathered(scope, "count", counts), sumPartition());
}

/** One value in one partition, none for an empty batch. */
export function reduce<T>(scope: Scope, parent: Node, f: (a: T, b: T) => T): Node {
  const folded = narrow(scope, "reduce", parent, reducePartition(f));
  return narrow(scope, "reduce", gathered(scope, "reduce", folded), reducePartition(f));
}

/** One value in one partition, what `zero` is for an empty batch. */
export function aggregate<T, C>(
  scope: Scope,
  parent: Node,
  zero: C,
  add: (aggregate: C, value: T) => C,
  merge: (a: C, b: C) => C,
): Node {
  const fresh = copiesOf(zero, "aggregate");
  const parts = narrow(scope, "aggregate", parent, aggregatePartition(fresh, add, false));
  const whole = aggregatePartition(fresh, merge, true);
  return narrow(scope, "aggregate", gathered(scope, "aggregate", parts), whole);
}

export function aggregateByKey<V, C>(
  scope: Scope,
  method: string,
  parent: Node,
  zero: C,
  add: (aggregate: C, value: V) => C,
  merge: (a: C, b: C) => C,
  options?: GivenShuffleOptions,
): Node {
  const fresh = copiesOf(zero, method);
  const combiner = { create: (value: V) => add(fresh(), value), mergeValue: add, mergeCombiners: merge };
  return shuffle(scope, method, parent, (partitioner) => combineByKey(combiner, partitioner), options);
}

/** Gives each fold a zero of its own to write to. @throws NOT_CLONEABLE */
function copiesOf<C>(zero: C, method: string): () => C {
  const first = structuredClone(crossing(zero, `the zero of ${method}`)) as C;
  return typeof first === "object" ? () => structuredClone(first) : () => first;
}

/** Values of `parent` that are, or are not, in `other`: compared as keys are, by value. */
export function compared<T>(
  scope: Scope,
  method: string,
  parent: Node,
  other: { readonly node: Node },
  movementBy: (partitioner: Partitioner | undefined) => Movement<never, T>,
  options?: GivenShuffleOptions,
): Node {
  const asKey = map((value): [unknown, null] => [value, null]);
  const keys = narrow(scope, method, parent, asKey);
  const others = { node: narrow(scope, method, nodeOf(method, other), asKey) };
  return coShuffle(scope, method, keys, others, movementBy, options);
}

export function sorted<T>(
  scope: Scope,
  method: string,
  parent: Node,
  key: (value: T) => unknown,
  options: { numPartitions?: number | undefined; ascending?: boolean | undefined } = {},
): Node {
  checkOptions(method, options, { numPartitions: isPartitionCount, ascending: isBoolean });
  const { ascending = true, ...others } = options;
  return shuffle(scope, method, parent, () => sortBy(key, ascending), others);
}

export function gathered(scope: Scope, method: string, parent: Node): Node {
  return shuffle(scope, method, parent, () => gather(), { numPartitions: 1 });
}

/** @throws BAD_OPTION */
export function requirePartitions(method: string, numPartitions: unknown): void {
  checkArgument(method, '"numPartitions"', numPartitions, isPartitionCount, `For example ${method}(8).`);
}

/** @throws BAD_OPTION */
export function requireFunction(method: string, f: unknown): void {
  if (isFunction(f) === undefined) return;
  throw new MillraceError("BAD_OPTION", `${method} takes a function; it got ${f === null ? "null" : typeof f}.`, {
    hint: `Pass the function itself, not its result: ${method}(f), not ${method}(f()).`,
  });
}
