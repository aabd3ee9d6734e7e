import { checkArgument, isInteger } from "../model/options.ts";
import type { TaskContext } from "../model/plan.ts";
import { filter } from "../operators/filter.ts";
import { flatMap, flatMapValues } from "../operators/flat-map.ts";
import { glom } from "../operators/glom.ts";
import { map, mapValues } from "../operators/map.ts";
import { mapPartitions } from "../operators/map-partitions.ts";
import type { Orderable } from "../operators/order.ts";
import type { Partition } from "../operators/partition.ts";
import { takeOrdered } from "../operators/take-ordered.ts";
import { zipWithUniqueId } from "../operators/unique-id.ts";
import { cogroup, commonKeys, subtractByKey } from "../shuffle/cogroup.ts";
import { combineByKey, groupByKey } from "../shuffle/combine.ts";
import { partitionBy } from "../shuffle/movement.ts";
import { zipWithIndex } from "../shuffle/number.ts";
import { BatchRDD } from "./batch-rdd.ts";
import type { Scope } from "./graph.ts";
import type { Node } from "./node.ts";
import * as operations from "./operations.ts";
import { requireFunction } from "./operations.ts";
import type { Folded, KeyOf, Pair, ShuffleOptions, ValueOf } from "./pair.ts";

/**
 * A plan over a bounded set of values: from createRDD, parallelize, and inside transform. Every function given here runs on
 * executors, so in a job the plan is made in the build function. Actions (all that return a promise; none takes a function) belong
 * into onDriver or a script; inside transform they are an error. Spark: `RDD`.
 */
export class RDD<out T> extends BatchRDD<T> {
  readonly #scope: Scope;

  /** Not for users. */
  constructor(node: Node, scope: Scope) {
    super(node, scope.runner);
    this.#scope = scope;
  }

  map<K, V>(f: (value: T) => readonly [K, V]): RDD<[K, V]>;
  map<U>(f: (value: T) => U): RDD<U>;
  map<U>(f: (value: T) => U): RDD<U> {
    requireFunction("map", f);
    return this.#rdd(operations.narrow(this.#scope, "map", this.node, map(f)));
  }

  flatMap<K, V>(f: (value: T) => Iterable<readonly [K, V]>): RDD<[K, V]>;
  flatMap<U>(f: (value: T) => Iterable<U> & object): RDD<U>;
  flatMap<U>(f: (value: T) => Iterable<U>): RDD<U> {
    requireFunction("flatMap", f);
    return this.#rdd(operations.narrow(this.#scope, "flatMap", this.node, flatMap(f)));
  }

  filter<U extends T>(keep: (value: T) => value is U): RDD<U>;
  filter(keep: (value: T) => boolean): RDD<T>;
  filter(keep: (value: T) => boolean): RDD<T> {
    requireFunction("filter", keep);
    return this.#rdd(operations.narrow(this.#scope, "filter", this.node, filter(keep)));
  }

  /** `map` for async functions: at most `concurrency` (default 16) at a time per task, order kept. */
  mapAsync<K, V>(
    f: (value: T, task: TaskContext) => Promise<readonly [K, V]>,
    options?: { concurrency?: number },
  ): RDD<[K, V]>;
  mapAsync<U>(f: (value: T, task: TaskContext) => Promise<U>, options?: { concurrency?: number }): RDD<U>;
  mapAsync<U>(f: (value: T, task: TaskContext) => Promise<U>, options?: { concurrency?: number }): RDD<U> {
    requireFunction("mapAsync", f);
    return this.#rdd(operations.mapAsync(this.#scope, this.node, f, options));
  }

  mapPartitions<K, V>(f: (partition: Partition<T>, task: TaskContext) => AsyncIterable<readonly [K, V]>): RDD<[K, V]>;
  mapPartitions<U>(f: (partition: Partition<T>, task: TaskContext) => AsyncIterable<U>): RDD<U>;
  mapPartitions<U>(f: (partition: Partition<T>, task: TaskContext) => AsyncIterable<U>): RDD<U> {
    requireFunction("mapPartitions", f);
    return this.#rdd(operations.awaiting(this.#scope, "mapPartitions", this.node, mapPartitions(f)));
  }

  glom(): RDD<T[]> {
    return this.#rdd(operations.narrow(this.#scope, "glom", this.node, glom<T>()));
  }

  mapValues<U>(this: RDD<Pair>, f: (value: ValueOf<T>) => U): RDD<[KeyOf<T>, U]> {
    requireFunction("mapValues", f);
    return this.#rdd(operations.narrow(this.#scope, "mapValues", this.node, mapValues<KeyOf<T>, ValueOf<T>, U>(f)));
  }

  flatMapValues<U>(this: RDD<Pair>, f: (value: ValueOf<T>) => Iterable<U>): RDD<[KeyOf<T>, U]> {
    requireFunction("flatMapValues", f);
    return this.#rdd(
      operations.narrow(this.#scope, "flatMapValues", this.node, flatMapValues<KeyOf<T>, ValueOf<T>, U>(f)),
    );
  }

  keyBy<K>(f: (value: T) => K): RDD<[K, T]> {
    requireFunction("keyBy", f);
    const pair = map((value: T): [K, T] => [f(value), value]);
    return this.#rdd(operations.narrow(this.#scope, "keyBy", this.node, pair));
  }

  keys(this: RDD<Pair>): RDD<KeyOf<T>> {
    return this.#rdd(
      operations.narrow(
        this.#scope,
        "keys",
        this.node,
        map(([key]: Pair) => key),
      ),
    );
  }

  values(this: RDD<Pair>): RDD<ValueOf<T>> {
    return this.#rdd(
      operations.narrow(
        this.#scope,
        "values",
        this.node,
        map(([, value]: Pair) => value),
      ),
    );
  }

  /**
   * A part of the values, each with probability `fraction`; with replacement a value may come several times, `fraction` times on average.
   * The same seed over the same partitions gives the same sample. @param options.seed default: another one each batch, the same one when
   * that batch runs again
   */
  sample(options: { fraction: number; withReplacement?: boolean; seed?: number }): RDD<T> {
    return this.#rdd(operations.sampled(this.#scope, this.node, options));
  }

  /**
   * Each value in one of several RDDs, by chance and in proportion to the weights. Each is computed on its own: {@link cache} this one where that
   * is dear. @param options.seed as of {@link sample}
   */
  randomSplit(weights: readonly number[], options?: { seed?: number }): RDD<T>[] {
    return operations.randomSplit(this.#scope, this.node, weights, options).map((node) => this.#rdd(node));
  }

  /** Each value once, compared by value. */
  distinct(options?: ShuffleOptions<T>): RDD<T> {
    const counted = operations.countByValue(this.#scope, this.node, options);
    const first = map(([value]: readonly [T, number]) => value);
    return this.#rdd(operations.narrow(this.#scope, "distinct", counted, first));
  }

  union(...others: readonly RDD<T>[]): RDD<T> {
    return this.#rdd(
      operations.union(this.#scope, [this.node, ...others.map((other) => operations.nodeOf("union", other))]),
    );
  }

  reduceByKey(
    this: RDD<Pair>,
    f: (a: Folded<ValueOf<T>>, b: Folded<ValueOf<T>>) => Folded<ValueOf<T>>,
    options?: ShuffleOptions<KeyOf<T>>,
  ): RDD<[KeyOf<T>, Folded<ValueOf<T>>]> {
    requireFunction("reduceByKey", f);
    return this.#rdd(operations.reduceByKey(this.#scope, "reduceByKey", this.node, f, options));
  }

  combineByKey<C>(
    this: RDD<Pair>,
    create: (value: ValueOf<T>) => C,
    mergeValue: (combined: C, value: ValueOf<T>) => C,
    mergeCombiners: (a: C, b: C) => C,
    options?: ShuffleOptions<KeyOf<T>>,
  ): RDD<[KeyOf<T>, C]> {
    for (const f of [create, mergeValue, mergeCombiners]) requireFunction("combineByKey", f);
    const combiner = { create, mergeValue, mergeCombiners };
    const movement = (partitioner?: (key: never) => number) => combineByKey(combiner, partitioner);
    return this.#rdd(operations.shuffle(this.#scope, "combineByKey", this.node, movement, options));
  }

  /** {@link combineByKey}, from a copy of `zero` for each key and task. */
  aggregateByKey<C>(
    this: RDD<Pair>,
    zero: C,
    add: (aggregate: C, value: ValueOf<T>) => C,
    merge: (a: C, b: C) => C,
    options?: ShuffleOptions<KeyOf<T>>,
  ): RDD<[KeyOf<T>, C]> {
    for (const f of [add, merge]) requireFunction("aggregateByKey", f);
    return this.#rdd(operations.aggregateByKey(this.#scope, "aggregateByKey", this.node, zero, add, merge, options));
  }

  /** {@link reduceByKey}, from `zero` for each key and task: so it must not change what it is folded with. */
  foldByKey(
    this: RDD<Pair>,
    zero: Folded<ValueOf<T>>,
    f: (a: Folded<ValueOf<T>>, b: Folded<ValueOf<T>>) => Folded<ValueOf<T>>,
    options?: ShuffleOptions<KeyOf<T>>,
  ): RDD<[KeyOf<T>, Folded<ValueOf<T>>]> {
    requireFunction("foldByKey", f);
    return this.#rdd(operations.aggregateByKey(this.#scope, "foldByKey", this.node, zero, f, f, options));
  }

  groupByKey(this: RDD<Pair>, options?: ShuffleOptions<KeyOf<T>>): RDD<[KeyOf<T>, ValueOf<T>[]]> {
    return this.#rdd(operations.shuffle(this.#scope, "groupByKey", this.node, groupByKey, options));
  }

  /** All values for which `f` gives the same key, by that key. */
  groupBy<K>(f: (value: T) => K, options?: ShuffleOptions<K>): RDD<[K, T[]]> {
    const pair = map((value: T): [K, T] => [f(value), value]);
    const keyed = operations.narrow(this.#scope, "groupBy", this.node, pair);
    return this.#rdd(operations.shuffle(this.#scope, "groupBy", keyed, groupByKey, options));
  }

  /** For each key all its values here and all its values there, also where one side has none. */
  cogroup<W>(
    this: RDD<Pair>,
    other: RDD<readonly [KeyOf<T>, W]>,
    options?: ShuffleOptions<KeyOf<T>>,
  ): RDD<[KeyOf<T>, [ValueOf<T>[], W[]]]> {
    return this.#rdd(operations.coShuffle(this.#scope, "cogroup", this.node, other, cogroup, options));
  }

  /** Each pair with each pair of `other` that has its key. What is in `other` is held in memory: let it be the smaller one. */
  join<W>(
    this: RDD<Pair>,
    other: RDD<readonly [KeyOf<T>, W]>,
    options?: ShuffleOptions<KeyOf<T>>,
  ): RDD<[KeyOf<T>, [ValueOf<T>, W]]> {
    const outer = { left: false, right: false };
    return this.#rdd(operations.joined(this.#scope, "join", this.node, other, outer, options));
  }

  /** {@link join}, and each pair without a partner with `undefined`. */
  leftOuterJoin<W>(
    this: RDD<Pair>,
    other: RDD<readonly [KeyOf<T>, W]>,
    options?: ShuffleOptions<KeyOf<T>>,
  ): RDD<[KeyOf<T>, [ValueOf<T>, W | undefined]]> {
    const outer = { left: true, right: false };
    return this.#rdd(operations.joined(this.#scope, "leftOuterJoin", this.node, other, outer, options));
  }

  /** {@link join}, and each pair of `other` without a partner with `undefined`. */
  rightOuterJoin<W>(
    this: RDD<Pair>,
    other: RDD<readonly [KeyOf<T>, W]>,
    options?: ShuffleOptions<KeyOf<T>>,
  ): RDD<[KeyOf<T>, [ValueOf<T> | undefined, W]]> {
    const outer = { left: false, right: true };
    return this.#rdd(operations.joined(this.#scope, "rightOuterJoin", this.node, other, outer, options));
  }

  /** {@link join}, and whatever has no partner on either side. */
  fullOuterJoin<W>(
    this: RDD<Pair>,
    other: RDD<readonly [KeyOf<T>, W]>,
    options?: ShuffleOptions<KeyOf<T>>,
  ): RDD<[KeyOf<T>, [ValueOf<T> | undefined, W | undefined]]> {
    const outer = { left: true, right: true };
    return this.#rdd(operations.joined(this.#scope, "fullOuterJoin", this.node, other, outer, options));
  }

  /** The pairs whose key `other` does not have. */
  subtractByKey<W>(
    this: RDD<Pair>,
    other: RDD<readonly [KeyOf<T>, W]>,
    options?: ShuffleOptions<KeyOf<T>>,
  ): RDD<[KeyOf<T>, ValueOf<T>]> {
    return this.#rdd(operations.coShuffle(this.#scope, "subtractByKey", this.node, other, subtractByKey, options));
  }

  /** The values that `other` does not have, compared by value. */
  subtract(other: RDD<T>, options?: ShuffleOptions<T>): RDD<T> {
    const kept = operations.compared(this.#scope, "subtract", this.node, other, subtractByKey, options);
    return this.#rdd(
      operations.narrow(
        this.#scope,
        "subtract",
        kept,
        map(([value]: Pair) => value),
      ),
    );
  }

  /** The values that `other` has too, each once, compared by value. */
  intersection(other: RDD<T>, options?: ShuffleOptions<T>): RDD<T> {
    return this.#rdd(operations.compared(this.#scope, "intersection", this.node, other, commonKeys, options));
  }

  /**
   * In the order of what `key` gives, through all partitions; equal ones stay as they were. Numbers come before texts, NaN last. Equal
   * keys share a partition.
   */
  sortBy(key: (value: T) => Orderable, options?: { numPartitions?: number; ascending?: boolean }): RDD<T> {
    requireFunction("sortBy", key);
    return this.#rdd(operations.sorted(this.#scope, "sortBy", this.node, key, options));
  }

  sortByKey(
    this: RDD<readonly [Orderable, unknown]>,
    options?: { numPartitions?: number; ascending?: boolean },
  ): RDD<[KeyOf<T>, ValueOf<T>]> {
    return this.#rdd(operations.sorted(this.#scope, "sortByKey", this.node, ([key]: Pair) => key, options));
  }

  /** Each value with its place, counted through all partitions. */
  zipWithIndex(): RDD<[T, number]> {
    return this.#rdd(operations.shuffle(this.#scope, "zipWithIndex", this.node, () => zipWithIndex<T>()));
  }

  /** Each value with a number of its own, without a shuffle: partition k of n gives k, n + k, 2n + k ... */
  zipWithUniqueId(): RDD<[T, number]> {
    return this.#rdd(operations.narrow(this.#scope, "zipWithUniqueId", this.node, zipWithUniqueId<T>()));
  }

  /** Brings equal keys together, without combining them. */
  partitionBy(this: RDD<Pair>, numPartitions: number, partitioner?: (key: KeyOf<T>) => number): RDD<T> {
    operations.requirePartitions("partitionBy", numPartitions);
    const options = { numPartitions, partitioner };
    return this.#rdd(operations.shuffle(this.#scope, "partitionBy", this.node, partitionBy, options));
  }

  repartition(numPartitions: number): RDD<T> {
    return this.#rdd(operations.repartition(this.#scope, this.node, numPartitions));
  }

  /** Computed once and kept: for the batch inside transform, else for as long as the job runs. */
  cache(): RDD<T> {
    return this.#rdd(operations.cache(this.#scope, this.node));
  }

  /** The same as {@link cache}: there is one storage level. */
  persist(): RDD<T> {
    return this.cache();
  }

  // Spark's actions with a function are plans here, so that executors know the function: `await rdd.reduce(add).first()`.

  /** One value, or none when this is empty. */
  reduce(f: (a: Folded<T>, b: Folded<T>) => Folded<T>): RDD<Folded<T>> {
    requireFunction("reduce", f);
    return this.#rdd(operations.reduce(this.#scope, this.node, f));
  }

  /** One value, also when this is empty: all values added to copies of `zero`, one for each partition, and those merged. */
  aggregate<C>(zero: C, add: (aggregate: C, value: T) => C, merge: (a: C, b: C) => C): RDD<C> {
    for (const f of [add, merge]) requireFunction("aggregate", f);
    return this.#rdd(operations.aggregate(this.#scope, this.node, zero, add, merge));
  }

  /** {@link aggregate} by one function. `zero` is folded in for each partition and once more: let it change nothing. */
  fold(zero: Folded<T>, f: (a: Folded<T>, b: Folded<T>) => Folded<T>): RDD<Folded<T>> {
    return this.aggregate(zero, f as (aggregate: Folded<T>, value: T) => Folded<T>, f);
  }

  /** The `n` smallest, in order. */
  takeOrdered(n: number, key?: (value: T) => Orderable): RDD<T> {
    return this.#ordered("takeOrdered", n, 1, key);
  }

  /** The `n` largest, the largest first. */
  top(n: number, key?: (value: T) => Orderable): RDD<T> {
    return this.#ordered("top", n, -1, key);
  }

  #ordered(method: string, n: number, sign: 1 | -1, key?: (value: T) => Orderable): RDD<T> {
    checkArgument(method, '"n"', n, isInteger(0), `For example ${method}(10).`);
    if (key !== undefined) requireFunction(method, key);
    const operator = takeOrdered<T>(n, sign, key);
    const first = operations.narrow(this.#scope, method, this.node, operator);
    return this.#rdd(operations.narrow(this.#scope, method, operations.gathered(this.#scope, method, first), operator));
  }

  #rdd<U>(node: Node): RDD<U> {
    return new RDD<U>(node, this.#scope);
  }
}
