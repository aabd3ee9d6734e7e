import type { Time } from "../model/duration.ts";
import { MillraceError } from "../model/errors.ts";
import { type Check, checkOptions, isFunction, isText } from "../model/options.ts";
import type { BatchContext, TaskContext } from "../model/plan.ts";
import { filter } from "../operators/filter.ts";
import { flatMap, flatMapValues } from "../operators/flat-map.ts";
import { glom } from "../operators/glom.ts";
import { map, mapValues } from "../operators/map.ts";
import { mapPartitions } from "../operators/map-partitions.ts";
import type { Partition } from "../operators/partition.ts";
import type { Sink } from "../operators/sink.ts";
import { cogroup } from "../shuffle/cogroup.ts";
import { combineByKey, groupByKey } from "../shuffle/combine.ts";
import { partitionBy } from "../shuffle/movement.ts";
import type { BatchRDD } from "./batch-rdd.ts";
import type { Graph } from "./graph.ts";
import type { Node, NodeOf } from "./node.ts";
import * as operations from "./operations.ts";
import type { Folded, KeyOf, Named, Pair, ShuffleOptions, ValueOf } from "./pair.ts";
import { printBatch } from "./print.ts";
import type { RDD } from "./rdd.ts";

/**
 * A sequence of RDDs, one per batch. Every function given here runs on executors, except foreachRDD's. `foreachPartition`s of one
 * batch share one pass over Kafka; each action on a BatchRDD is a pass of its own unless the stream is cached. Spark: `DStream`.
 */
export class DStream<out T> {
  /** @internal */
  readonly node: Node;
  readonly #graph: Graph;

  /** @internal */
  constructor(node: Node, graph: Graph) {
    this.node = node;
    this.#graph = graph;
  }

  // ---- one record at a time

  map<K, V>(f: (value: T) => readonly [K, V]): DStream<[K, V]>;
  map<U>(f: (value: T) => U): DStream<U>;
  map<U>(f: (value: T) => U): DStream<U> {
    requireFunction("map", f);
    return this.#stream(operations.narrow(this.#graph, "map", this.node, map(f)));
  }

  flatMap<K, V>(f: (value: T) => Iterable<readonly [K, V]>): DStream<[K, V]>;
  flatMap<U>(f: (value: T) => Iterable<U> & object): DStream<U>;
  flatMap<U>(f: (value: T) => Iterable<U>): DStream<U> {
    requireFunction("flatMap", f);
    return this.#stream(operations.narrow(this.#graph, "flatMap", this.node, flatMap(f)));
  }

  filter<U extends T>(keep: (value: T) => value is U): DStream<U>;
  filter(keep: (value: T) => boolean): DStream<T>;
  filter(keep: (value: T) => boolean): DStream<T> {
    requireFunction("filter", keep);
    return this.#stream(operations.narrow(this.#graph, "filter", this.node, filter(keep)));
  }

  /** `map` for async functions: at most `concurrency` (default 16) at a time per task, order kept. */
  mapAsync<K, V>(
    f: (value: T, task: TaskContext) => Promise<readonly [K, V]>,
    options?: { concurrency?: number },
  ): DStream<[K, V]>;
  mapAsync<U>(f: (value: T, task: TaskContext) => Promise<U>, options?: { concurrency?: number }): DStream<U>;
  mapAsync<U>(f: (value: T, task: TaskContext) => Promise<U>, options?: { concurrency?: number }): DStream<U> {
    requireFunction("mapAsync", f);
    return this.#stream(operations.mapAsync(this.#graph, this.node, f, options));
  }

  /** The records of a partition as an async iterable, with `chunks()`; never held whole. */
  mapPartitions<K, V>(
    f: (partition: Partition<T>, task: TaskContext) => AsyncIterable<readonly [K, V]>,
  ): DStream<[K, V]>;
  mapPartitions<U>(f: (partition: Partition<T>, task: TaskContext) => AsyncIterable<U>): DStream<U>;
  mapPartitions<U>(f: (partition: Partition<T>, task: TaskContext) => AsyncIterable<U>): DStream<U> {
    requireFunction("mapPartitions", f);
    return this.#stream(operations.awaiting(this.#graph, "mapPartitions", this.node, mapPartitions(f)));
  }

  /** Each partition as one array. */
  glom(): DStream<T[]> {
    return this.#stream(operations.narrow(this.#graph, "glom", this.node, glom<T>()));
  }

  // ---- the whole batch

  /** One number per batch, also for an empty one. */
  count(): DStream<number> {
    return this.#stream(operations.count(this.#graph, this.node));
  }

  /** One value per batch, none for an empty one. `f` must be associative. */
  reduce(f: (a: Folded<T>, b: Folded<T>) => Folded<T>): DStream<Folded<T>> {
    requireFunction("reduce", f);
    return this.#stream(operations.reduce(this.#graph, this.node, f));
  }

  countByValue(options?: ShuffleOptions<T>): DStream<[T, number]> {
    return this.#stream(operations.countByValue(this.#graph, this.node, options));
  }

  /** Spreads the records evenly over `numPartitions` partitions. */
  repartition(numPartitions: number): DStream<T> {
    return this.#stream(operations.repartition(this.#graph, this.node, numPartitions));
  }

  union(...others: readonly DStream<T>[]): DStream<T> {
    return this.#stream(operations.union(this.#graph, [this.node, ...others.map(({ node }) => node)]));
  }

  /** @runs executor and driver, per batch: choose operations, do no I/O (the type refuses a promise). */
  transform<U>(f: (rdd: RDD<T>, time: Time) => RDD<U>): DStream<U> {
    requireFunction("transform", f);
    const transformed: NodeOf<"transform">["f"] = ([rdd], time) => f(rdd as RDD<T>, time);
    return this.#stream(this.#graph.node("transform", { kind: "transform", parents: [this.node], f: transformed }));
  }

  /** Computes each partition once per batch and keeps the result until the batch ends. */
  cache(): DStream<T> {
    return this.#stream(operations.cache(this.#graph, this.node));
  }

  /** The same as {@link cache}: there is one storage level. */
  persist(): DStream<T> {
    return this.cache();
  }

  // ---- pairs

  mapValues<U>(this: DStream<Pair>, f: (value: ValueOf<T>) => U): DStream<[KeyOf<T>, U]> {
    requireFunction("mapValues", f);
    const operator = mapValues<KeyOf<T>, ValueOf<T>, U>(f);
    return this.#stream(operations.narrow(this.#graph, "mapValues", this.node, operator));
  }

  flatMapValues<U>(this: DStream<Pair>, f: (value: ValueOf<T>) => Iterable<U>): DStream<[KeyOf<T>, U]> {
    requireFunction("flatMapValues", f);
    const operator = flatMapValues<KeyOf<T>, ValueOf<T>, U>(f);
    return this.#stream(operations.narrow(this.#graph, "flatMapValues", this.node, operator));
  }

  /** Folds the values of each key, within each task before they travel and again after. `f` must be associative. */
  reduceByKey(
    this: DStream<Pair>,
    f: (a: Folded<ValueOf<T>>, b: Folded<ValueOf<T>>) => Folded<ValueOf<T>>,
    options?: ShuffleOptions<KeyOf<T>>,
  ): DStream<[KeyOf<T>, Folded<ValueOf<T>>]> {
    requireFunction("reduceByKey", f);
    return this.#stream(operations.reduceByKey(this.#graph, "reduceByKey", this.node, f, options));
  }

  combineByKey<C>(
    this: DStream<Pair>,
    create: (value: ValueOf<T>) => C,
    mergeValue: (combined: C, value: ValueOf<T>) => C,
    mergeCombiners: (a: C, b: C) => C,
    options?: ShuffleOptions<KeyOf<T>>,
  ): DStream<[KeyOf<T>, C]> {
    for (const f of [create, mergeValue, mergeCombiners]) requireFunction("combineByKey", f);
    const combiner = { create, mergeValue, mergeCombiners };
    const movement = (partitioner?: (key: never) => number) => combineByKey(combiner, partitioner);
    return this.#stream(operations.shuffle(this.#graph, "combineByKey", this.node, movement, options));
  }

  /** All values of each key, in the order of the source partitions. Reducing instead moves far less. */
  groupByKey(this: DStream<Pair>, options?: ShuffleOptions<KeyOf<T>>): DStream<[KeyOf<T>, ValueOf<T>[]]> {
    return this.#stream(operations.shuffle(this.#graph, "groupByKey", this.node, groupByKey, options));
  }

  /** Brings equal keys together, without combining them. */
  partitionBy(this: DStream<Pair>, numPartitions: number, partitioner?: (key: KeyOf<T>) => number): DStream<T> {
    const options = { numPartitions, partitioner };
    return this.#stream(operations.shuffle(this.#graph, "partitionBy", this.node, partitionBy, options));
  }

  /** For each key all its values here and all its values there, also where one side has none. */
  cogroup<W>(
    this: DStream<Pair>,
    other: DStream<readonly [KeyOf<T>, W]>,
    options?: ShuffleOptions<KeyOf<T>>,
  ): DStream<[KeyOf<T>, [ValueOf<T>[], W[]]]> {
    return this.#stream(operations.coShuffle(this.#graph, "cogroup", this.node, other, cogroup, options));
  }

  /** Each pair with each pair of `other` that has its key. What is in `other` is held in memory: let it be the smaller one. */
  join<W>(
    this: DStream<Pair>,
    other: DStream<readonly [KeyOf<T>, W]>,
    options?: ShuffleOptions<KeyOf<T>>,
  ): DStream<[KeyOf<T>, [ValueOf<T>, W]]> {
    const outer = { left: false, right: false };
    return this.#stream(operations.joined(this.#graph, "join", this.node, other, outer, options));
  }

  /** {@link join}, and each pair without a partner with `undefined`. */
  leftOuterJoin<W>(
    this: DStream<Pair>,
    other: DStream<readonly [KeyOf<T>, W]>,
    options?: ShuffleOptions<KeyOf<T>>,
  ): DStream<[KeyOf<T>, [ValueOf<T>, W | undefined]]> {
    const outer = { left: true, right: false };
    return this.#stream(operations.joined(this.#graph, "leftOuterJoin", this.node, other, outer, options));
  }

  /** {@link join}, and each pair of `other` without a partner with `undefined`. */
  rightOuterJoin<W>(
    this: DStream<Pair>,
    other: DStream<readonly [KeyOf<T>, W]>,
    options?: ShuffleOptions<KeyOf<T>>,
  ): DStream<[KeyOf<T>, [ValueOf<T> | undefined, W]]> {
    const outer = { left: false, right: true };
    return this.#stream(operations.joined(this.#graph, "rightOuterJoin", this.node, other, outer, options));
  }

  /** {@link join}, and whatever has no partner on either side. */
  fullOuterJoin<W>(
    this: DStream<Pair>,
    other: DStream<readonly [KeyOf<T>, W]>,
    options?: ShuffleOptions<KeyOf<T>>,
  ): DStream<[KeyOf<T>, [ValueOf<T> | undefined, W | undefined]]> {
    const outer = { left: true, right: true };
    return this.#stream(operations.joined(this.#graph, "fullOuterJoin", this.node, other, outer, options));
  }

  // ---- outputs, run in the order they were declared

  /**
   * At least once. The one function of a stream that runs on the driver. Spark: Scala's argument order; PySpark has (time, rdd).
   * @runs driver
   */
  foreachRDD(
    f: (rdd: BatchRDD<T>, time: Time, batch: BatchContext) => void | Promise<void>,
    options: Partial<Named> = {},
  ): void {
    requireFunction("foreachRDD", f);
    checkOptions("foreachRDD", options, { name: isText });
    this.#graph.output("foreachRDD", { kind: "foreachRDD", node: this.node, f }, options.name);
  }

  /** At least once, in parallel, with the key of an idempotent write, (seq, partition), at hand. @runs executor */
  foreachPartition(
    f: (partition: Partition<T>, task: TaskContext) => void | Promise<void>,
    options: Partial<Named> = {},
  ): void {
    requireFunction("foreachPartition", f);
    checkOptions("foreachPartition", options, { name: isText });
    this.#graph.output("foreachPartition", { kind: "foreachPartition", node: this.node, f }, options.name);
  }

  /**
   * Exactly once: the sink keeps rows and progress in one atomic step, so that a batch that runs again writes nothing twice, and a driver
   * that was replaced writes nothing. A batch becomes visible partition by partition, or as a whole, as the sink says.
   */
  saveTo(sink: Sink<T>, options: Named): void {
    checkOptions("saveTo", options, { name: isOutputName });
    if (options.name === undefined || typeof sink?.["~sink"] !== "object") {
      throw new MillraceError("BAD_OPTION", "saveTo takes a sink and { name }.", {
        hint: 'For example: saveTo(sqlite({ ... }), { name: "totals" }). The name is how the sink knows this output after a restart.',
      });
    }
    this.#graph.output("saveTo", { kind: "saveTo", node: this.node, sink: sink["~sink"] }, options.name);
  }

  /** Prints the first `num` values of each batch, in Spark's layout. */
  pprint(num = 10): void {
    const print = async (rdd: BatchRDD<T>, time: Time) => printBatch(time, await rdd.take(num + 1), num);
    this.#graph.output("pprint", { kind: "foreachRDD", node: this.node, f: print });
  }

  #stream<U>(node: Node): DStream<U> {
    return new DStream<U>(node, this.#graph);
  }
}

/** @throws BAD_OPTION */
const isOutputName: Check = (value) =>
  typeof value === "string" && /^[A-Za-z0-9][A-Za-z0-9-]{0,99}$/.test(value)
    ? undefined
    : "must be letters, digits and dashes, at most 100";

export function requireFunction(method: string, f: unknown): void {
  if (isFunction(f) === undefined) return;
  throw new MillraceError("BAD_OPTION", `${method} takes a function; it got ${f === null ? "null" : typeof f}.`, {
    hint: `Pass the function itself, not its result: ${method}(f), not ${method}(f()).`,
  });
}
