import type { Duration, Time } from "../model/duration.ts";
import type { TaskContext } from "../model/plan.ts";
import { filter } from "../operators/filter.ts";
import { flatMap, flatMapValues } from "../operators/flat-map.ts";
import { glom } from "../operators/glom.ts";
import { map, mapValues } from "../operators/map.ts";
import { mapPartitions } from "../operators/map-partitions.ts";
import type { Partition } from "../operators/partition.ts";
import { cogroup } from "../shuffle/cogroup.ts";
import { combineByKey, groupByKey } from "../shuffle/combine.ts";
import { partitionBy } from "../shuffle/movement.ts";
import type { State } from "../state/map-with-state.ts";
import { BatchRDD } from "./batch-rdd.ts";
import type { Graph } from "./graph.ts";
import type { Node, NodeOf } from "./node.ts";
import * as operations from "./operations.ts";
import { requireFunction } from "./operations.ts";
import type { Folded, KeyOf, Pair, ShuffleOptions, ValueOf } from "./pair.ts";
import type { RDD } from "./rdd.ts";
import { type MapWithStateOptions, mapWithStateNode, type UpdateStateOptions, updateStateNode } from "./stateful.ts";
import { StreamOutputs } from "./stream-outputs.ts";
import type { WindowOptions } from "./windows.ts";
import * as windows from "./windows.ts";

/**
 * A sequence of RDDs, one per batch. Every function given here runs on executors, except foreachRDD's. `foreachPartition`s of one
 * batch share one pass over Kafka; each action on a BatchRDD is a pass of its own unless the stream is cached. Spark: `DStream`.
 */
export class DStream<out T> extends StreamOutputs<T> {
  // ---- one record at a time

  /** What `f` makes of each value; of an array of two a pair, which has `reduceByKey` and its like. */
  map<K, V>(f: (value: T) => readonly [K, V]): DStream<[K, V]>;
  /** What `f` makes of each value. A function that returns a promise is refused: that is {@link mapAsync}. */
  map<U>(f: (value: T) => U): DStream<U>;
  map<U>(f: (value: T) => U): DStream<U> {
    requireFunction("map", f);
    return this.#stream(operations.narrow(this.graph, "map", this.node, map(f)));
  }

  /** All that `f` gives for each value, one after the other: an array, a Set, a generator. */
  flatMap<K, V>(f: (value: T) => Iterable<readonly [K, V]>): DStream<[K, V]>;
  /** All that `f` gives for each value, one after the other: an array, a Set, a generator; no text, which would be its letters. */
  flatMap<U>(f: (value: T) => Iterable<U> & object): DStream<U>;
  flatMap<U>(f: (value: T) => Iterable<U>): DStream<U> {
    requireFunction("flatMap", f);
    return this.#stream(operations.narrow(this.graph, "flatMap", this.node, flatMap(f)));
  }

  /** The values for which `keep` is true. A type guard narrows the type of the stream. */
  filter<U extends T>(keep: (value: T) => value is U): DStream<U>;
  /** The values for which `keep` is true. */
  filter(keep: (value: T) => boolean): DStream<T>;
  filter(keep: (value: T) => boolean): DStream<T> {
    requireFunction("filter", keep);
    return this.#stream(operations.narrow(this.graph, "filter", this.node, filter(keep)));
  }

  /** `map` for async functions: at most `concurrency` (default 16) at a time per task, order kept. */
  mapAsync<K, V>(
    f: (value: T, task: TaskContext) => Promise<readonly [K, V]>,
    options?: { concurrency?: number },
  ): DStream<[K, V]>;
  /** `map` for async functions: at most `concurrency` (default 16) at a time per task, order kept. */
  mapAsync<U>(f: (value: T, task: TaskContext) => Promise<U>, options?: { concurrency?: number }): DStream<U>;
  mapAsync<U>(f: (value: T, task: TaskContext) => Promise<U>, options?: { concurrency?: number }): DStream<U> {
    requireFunction("mapAsync", f);
    return this.#stream(operations.mapAsync(this.graph, this.node, f, options));
  }

  /** The records of a partition as an async iterable, with `chunks()`; never held whole. */
  mapPartitions<K, V>(
    f: (partition: Partition<T>, task: TaskContext) => AsyncIterable<readonly [K, V]>,
  ): DStream<[K, V]>;
  /** The records of a partition as an async iterable, with `chunks()`; never held whole. */
  mapPartitions<U>(f: (partition: Partition<T>, task: TaskContext) => AsyncIterable<U>): DStream<U>;
  mapPartitions<U>(f: (partition: Partition<T>, task: TaskContext) => AsyncIterable<U>): DStream<U> {
    requireFunction("mapPartitions", f);
    return this.#stream(operations.awaiting(this.graph, "mapPartitions", this.node, mapPartitions(f)));
  }

  /** Each partition as one array. */
  glom(): DStream<T[]> {
    return this.#stream(operations.narrow(this.graph, "glom", this.node, glom<T>()));
  }

  // ---- the whole batch

  /** One number per batch, also for an empty one. */
  count(): DStream<number> {
    return this.#stream(operations.count(this.graph, this.node));
  }

  /** One value per batch, none for an empty one. `f` must be associative. */
  reduce(f: (a: Folded<T>, b: Folded<T>) => Folded<T>): DStream<Folded<T>> {
    requireFunction("reduce", f);
    return this.#stream(operations.reduce(this.graph, this.node, f));
  }

  /** How often each value came in the batch. Values are equal as keys are: by what they hold. */
  countByValue(options?: ShuffleOptions<T>): DStream<[T, number]> {
    return this.#stream(operations.countByValue(this.graph, this.node, options));
  }

  /** Spreads the records evenly over `numPartitions` partitions. */
  repartition(numPartitions: number): DStream<T> {
    return this.#stream(operations.repartition(this.graph, this.node, numPartitions));
  }

  /** All values of these streams; the partitions lie one after the other. */
  union(...others: readonly DStream<T>[]): DStream<T> {
    return this.#stream(
      operations.union(this.graph, [this.node, ...others.map((other) => operations.nodeOf("union", other))]),
    );
  }

  /** @runs executor and driver, per batch: choose operations, do no I/O (the type refuses a promise). */
  transform<U>(f: (rdd: RDD<T>, time: Time) => RDD<U>): DStream<U> {
    requireFunction("transform", f);
    const transformed: NodeOf<"transform">["f"] = ([rdd], time) => f(rdd as RDD<T>, time);
    return this.#stream(this.graph.node("transform", { kind: "transform", parents: [this.node], f: transformed }));
  }

  /** {@link transform} of two streams. @runs executor and driver */
  transformWith<O, U>(other: DStream<O>, f: (rdd: RDD<T>, other: RDD<O>, time: Time) => RDD<U>): DStream<U> {
    requireFunction("transformWith", f);
    const parents = [this.node, operations.nodeOf("transformWith", other)];
    const transformed: NodeOf<"transform">["f"] = ([rdd, others], time) => f(rdd as RDD<T>, others as RDD<O>, time);
    return this.#stream(this.graph.node("transformWith", { kind: "transform", parents, f: transformed }));
  }

  /**
   * This stream's RDDs of the batches from `from` to `to`, both included, the oldest first: `from` counts from the tick before it. They live
   * as long as the function that asked. Each action reads that batch again, so its records must still be there; earlier batches must be
   * remembered ({@link JobContext.remember}). A batch that was left out, or before the first one, has no RDD. Spark: `slice`.
   * @runs driver, in foreachRDD or onDriver @throws NOT_REMEMBERED
   */
  slice(from: Time, to: Time): BatchRDD<T>[] {
    return this.graph.slice(this.node, from, to).map((runner) => new BatchRDD<T>(this.node, runner));
  }

  /** Computes each partition once per batch and keeps the result until the batch ends. */
  cache(): DStream<T> {
    return this.#stream(operations.cache(this.graph, this.node));
  }

  /** The same as {@link cache}: there is one storage level. */
  persist(): DStream<T> {
    return this.cache();
  }

  // ---- windows: multiples of the batch interval

  /**
   * Everything of the batches in (time - window, time], at each multiple of `slide` (default: as often as this stream has RDDs). Earlier batches are held in memory; after a restart
   * they are read from Kafka again, so their records must still be there. A windowed aggregate keeps only what it needs instead.
   */
  window(window: Duration, slide?: Duration): DStream<T> {
    return this.#stream(windows.windowNode(this.graph, this.node, window, slide));
  }

  /** How many values the batches of the window have. */
  countByWindow(options: WindowOptions): DStream<number> {
    return this.#stream(windows.countByWindow(this.graph, this.node, options));
  }

  /** How often each value came in the window; only those that came. */
  countByValueAndWindow(options: WindowOptions & ShuffleOptions<T>): DStream<[T, number]> {
    return this.#stream(windows.countByValueAndWindow(this.graph, this.node, options));
  }

  /** All values of a window reduced to one. With `inverse` what leaves the window is taken off instead of reducing again. */
  reduceByWindow(
    f: (a: Folded<T>, b: Folded<T>) => Folded<T>,
    options: WindowOptions & { inverse?(a: Folded<T>, b: Folded<T>): Folded<T> },
  ): DStream<Folded<T>> {
    requireFunction("reduceByWindow", f);
    return this.#stream(windows.reduceByWindow(this.graph, "reduceByWindow", this.node, f, options?.inverse, options));
  }

  // ---- pairs

  /** Each pair with what `f` makes of its value, under the same key. */
  mapValues<U>(this: DStream<Pair>, f: (value: ValueOf<T>) => U): DStream<[KeyOf<T>, U]> {
    requireFunction("mapValues", f);
    const operator = mapValues<KeyOf<T>, ValueOf<T>, U>(f);
    return this.#stream(operations.narrow(this.graph, "mapValues", this.node, operator));
  }

  /** For each pair one pair for each value that `f` gives, under the same key. */
  flatMapValues<U>(this: DStream<Pair>, f: (value: ValueOf<T>) => Iterable<U>): DStream<[KeyOf<T>, U]> {
    requireFunction("flatMapValues", f);
    const operator = flatMapValues<KeyOf<T>, ValueOf<T>, U>(f);
    return this.#stream(operations.narrow(this.graph, "flatMapValues", this.node, operator));
  }

  /** Folds the values of each key, within each task before they travel and again after. `f` must be associative. */
  reduceByKey(
    this: DStream<Pair>,
    f: (a: Folded<ValueOf<T>>, b: Folded<ValueOf<T>>) => Folded<ValueOf<T>>,
    options?: ShuffleOptions<KeyOf<T>>,
  ): DStream<[KeyOf<T>, Folded<ValueOf<T>>]> {
    requireFunction("reduceByKey", f);
    return this.#stream(operations.reduceByKey(this.graph, "reduceByKey", this.node, f, options));
  }

  /**
   * {@link reduceByKey} where the result is of another type: `create` makes one of the first value of a key, `mergeValue` takes in another
   * value, `mergeCombiners` unites what two tasks have made.
   */
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
    return this.#stream(operations.shuffle(this.graph, "combineByKey", this.node, movement, options));
  }

  /** All values of each key, in the order of the source partitions. Reducing instead moves far less. */
  groupByKey(this: DStream<Pair>, options?: ShuffleOptions<KeyOf<T>>): DStream<[KeyOf<T>, ValueOf<T>[]]> {
    return this.#stream(operations.shuffle(this.graph, "groupByKey", this.node, groupByKey, options));
  }

  /** All values of each key in the window, the oldest first. */
  groupByKeyAndWindow(
    this: DStream<Pair>,
    options: WindowOptions & ShuffleOptions<KeyOf<T>>,
  ): DStream<[KeyOf<T>, ValueOf<T>[]]> {
    return this.#stream(windows.groupByKeyAndWindow(this.graph, this.node, options));
  }

  /**
   * The values of each key in the window, reduced. With `inverse` what leaves the window is taken off the result of the window before: a
   * key then stays, with its neutral value, until `filter` drops it. Spark's six positional arguments by name.
   */
  reduceByKeyAndWindow(
    this: DStream<Pair>,
    f: (a: Folded<ValueOf<T>>, b: Folded<ValueOf<T>>) => Folded<ValueOf<T>>,
    options: WindowOptions &
      ShuffleOptions<KeyOf<T>> & {
        inverse?(a: Folded<ValueOf<T>>, b: Folded<ValueOf<T>>): Folded<ValueOf<T>>;
        filter?(key: KeyOf<T>, value: Folded<ValueOf<T>>): boolean;
      },
  ): DStream<[KeyOf<T>, Folded<ValueOf<T>>]> {
    requireFunction("reduceByKeyAndWindow", f);
    return this.#stream(windows.reduceByKeyAndWindow(this.graph, this.node, f, options));
  }

  // ---- state

  /**
   * `update` gets a key's new values, in order of arrival, and its state; undefined removes the key. Visits and emits every key in every
   * batch, as in Spark: use {@link mapWithState}, or `onlyTouched`, where a batch should cost no more than the keys it touches.
   */
  updateStateByKey<S>(
    this: DStream<Pair>,
    update: (values: ValueOf<T>[], state: S | undefined) => S | undefined,
    options: UpdateStateOptions<KeyOf<T>, S>,
  ): DStream<[KeyOf<T>, S]> {
    requireFunction("updateStateByKey", update);
    return this.#stream(updateStateNode(this.graph, this.node, update, options));
  }

  /**
   * Calls `f` for each pair with the state of its key, and for keys that time out. Emits what `f` returns, unless that is undefined. A
   * batch costs in proportion to the keys it touches. Spark: `mapWithState(StateSpec)`, the StateSpec being the options.
   */
  mapWithState<S, K, V>(
    this: DStream<Pair>,
    f: (key: KeyOf<T>, value: ValueOf<T> | undefined, state: State<S>, time: Time) => readonly [K, V] | undefined,
    options: MapWithStateOptions<KeyOf<T>, S>,
  ): StatefulDStream<KeyOf<T>, S, [K, V]>;
  /**
   * Calls `f` for each pair with the state of its key, and for keys that time out. Emits what `f` returns, unless that is undefined. A
   * batch costs in proportion to the keys it touches. Spark: `mapWithState(StateSpec)`, the StateSpec being the options.
   */
  mapWithState<S, U>(
    this: DStream<Pair>,
    f: (key: KeyOf<T>, value: ValueOf<T> | undefined, state: State<S>, time: Time) => U,
    options: MapWithStateOptions<KeyOf<T>, S>,
  ): StatefulDStream<KeyOf<T>, S, Exclude<U, undefined>>;
  mapWithState<S, U>(
    this: DStream<Pair>,
    f: (key: KeyOf<T>, value: ValueOf<T> | undefined, state: State<S>, time: Time) => U,
    options: MapWithStateOptions<KeyOf<T>, S>,
  ): StatefulDStream<KeyOf<T>, S, Exclude<U, undefined>> {
    requireFunction("mapWithState", f);
    return new StreamWithState(mapWithStateNode(this.graph, this.node, f, options), this.graph);
  }

  /** Brings equal keys together, without combining them. */
  partitionBy(this: DStream<Pair>, numPartitions: number, partitioner?: (key: KeyOf<T>) => number): DStream<T> {
    operations.requirePartitions("partitionBy", numPartitions);
    const options = { numPartitions, partitioner };
    return this.#stream(operations.shuffle(this.graph, "partitionBy", this.node, partitionBy, options));
  }

  /** For each key all its values here and all its values there, also where one side has none. */
  cogroup<W>(
    this: DStream<Pair>,
    other: DStream<readonly [KeyOf<T>, W]>,
    options?: ShuffleOptions<KeyOf<T>>,
  ): DStream<[KeyOf<T>, [ValueOf<T>[], W[]]]> {
    return this.#stream(operations.coShuffle(this.graph, "cogroup", this.node, other, cogroup, options));
  }

  /** Each pair with each pair of `other` that has its key. What is in `other` is held in memory: let it be the smaller one. */
  join<W>(
    this: DStream<Pair>,
    other: DStream<readonly [KeyOf<T>, W]>,
    options?: ShuffleOptions<KeyOf<T>>,
  ): DStream<[KeyOf<T>, [ValueOf<T>, W]]> {
    const outer = { left: false, right: false };
    return this.#stream(operations.joined(this.graph, "join", this.node, other, outer, options));
  }

  /** {@link join}, and each pair without a partner with `undefined`. */
  leftOuterJoin<W>(
    this: DStream<Pair>,
    other: DStream<readonly [KeyOf<T>, W]>,
    options?: ShuffleOptions<KeyOf<T>>,
  ): DStream<[KeyOf<T>, [ValueOf<T>, W | undefined]]> {
    const outer = { left: true, right: false };
    return this.#stream(operations.joined(this.graph, "leftOuterJoin", this.node, other, outer, options));
  }

  /** {@link join}, and each pair of `other` without a partner with `undefined`. */
  rightOuterJoin<W>(
    this: DStream<Pair>,
    other: DStream<readonly [KeyOf<T>, W]>,
    options?: ShuffleOptions<KeyOf<T>>,
  ): DStream<[KeyOf<T>, [ValueOf<T> | undefined, W]]> {
    const outer = { left: false, right: true };
    return this.#stream(operations.joined(this.graph, "rightOuterJoin", this.node, other, outer, options));
  }

  /** {@link join}, and whatever has no partner on either side. */
  fullOuterJoin<W>(
    this: DStream<Pair>,
    other: DStream<readonly [KeyOf<T>, W]>,
    options?: ShuffleOptions<KeyOf<T>>,
  ): DStream<[KeyOf<T>, [ValueOf<T> | undefined, W | undefined]]> {
    const outer = { left: true, right: true };
    return this.#stream(operations.joined(this.graph, "fullOuterJoin", this.node, other, outer, options));
  }

  #stream<U>(node: Node): DStream<U> {
    return new DStream<U>(node, this.graph);
  }
}

/**
 * What mapWithState gives: what its function returned, and on request the state itself. Spark: `MapWithStateDStream`. A DStream *and* more, not
 * a subclass: only so are streams of pairs taken for that, by what needs pairs.
 */
export type StatefulDStream<K, S, U> = DStream<U> & {
  /** Every key with its state, after each batch. It costs a visit to every key, in the batches in which somebody asks for it. */
  stateSnapshots(): DStream<[K, S]>;
};

/** @internal */
export class StreamWithState<out K, out S, out U> extends DStream<U> {
  readonly #state: NodeOf<"state">;

  constructor(state: NodeOf<"state">, graph: Graph) {
    super(state, graph);
    this.#state = state;
  }

  stateSnapshots(): DStream<[K, S]> {
    const node = this.graph.node("stateSnapshots", { kind: "snapshots", parent: this.#state });
    return new DStream<[K, S]>(node, this.graph);
  }
}
