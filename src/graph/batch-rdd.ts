import { resolve } from "node:path";
import type { OffsetRange } from "../model/offset-range.ts";
import { compareRanks, type Orderable, rankOf } from "../operators/order.ts";
import { crossing } from "../shuffle/cloneable.ts";
import { KeyMap } from "../shuffle/key.ts";
import { type Action, type ActionRunner, type Moments, mergeMoments, noMoments } from "./action.ts";
import { checkedEdges, emptyRdd, evenEdges, type Histogram } from "./histogram.ts";
import type { Node } from "./node.ts";
import type { KeyOf, Pair, ValueOf } from "./pair.ts";

export interface Stats {
  readonly count: number;
  readonly mean: number;
  readonly sum: number;
  readonly min: number;
  readonly max: number;
  /** Of the population, as in Spark. */
  readonly stdev: number;
  readonly variance: number;
}

/**
 * The data of one batch, seen from the driver inside foreachRDD. No method takes a function, so there is no question where one
 * would run: transform the stream before foreachRDD, or the arrays you get here. Each call computes what it needs (`cache()` the
 * stream to compute it once; what a shuffle moved is kept for the batch anyway). Calling none reads nothing and still completes
 * the batch. Await each one: an action still running when the function returns fails the batch.
 */
export class BatchRDD<out T> implements AsyncIterable<T> {
  /** @internal */
  readonly node: Node;
  readonly #runner: ActionRunner;

  /** Not for users. */
  constructor(node: Node, runner: ActionRunner) {
    this.node = node;
    this.#runner = runner;
  }

  /** The offset ranges this data was read from; on any RDD that comes from a direct stream, also after a shuffle or a union. Inside transform too. */
  offsetRanges(): readonly OffsetRange[] {
    return this.#runner.offsetRanges(this.node);
  }

  /** How many tasks compute it. */
  getNumPartitions(): number {
    return this.#runner.numPartitions(this.node);
  }

  /** How many values there are. */
  async count(): Promise<number> {
    const counts = await this.#run<number>({ kind: "count" });
    return counts.reduce((sum, n) => sum + n, 0);
  }

  /** Whether there is no value; reads no more than the first. */
  async isEmpty(): Promise<boolean> {
    return (await this.take(1)).length === 0;
  }

  /** @throws EMPTY_RDD */
  async first(): Promise<T> {
    const values = await this.take(1);
    if (values.length === 0) throw emptyRdd("first");
    return values[0] as T;
  }

  /** The first `n` values, in the order of the partitions. Reads one partition first, and more only when it did not suffice. */
  async take(n: number): Promise<T[]> {
    if (!(n >= 1)) return [];
    return (await this.#run<T[]>({ kind: "take", limit: Math.floor(n) })).flat(1).slice(0, n) as T[];
  }

  /** Every value, in the order of the partitions. */
  async collect(): Promise<T[]> {
    const partitions = await this.#run<T[]>({ kind: "collect" });
    return partitions.length === 1 ? partitions[0]! : (partitions.flat(1) as T[]);
  }

  /** The last value of a key wins, keys being equal by value. In the map itself a key that is an object is found by reference, as in any Map. */
  async collectAsMap(this: BatchRDD<Pair>): Promise<Map<KeyOf<T>, ValueOf<T>>> {
    const found = new KeyMap<unknown>();
    for (const pair of await this.collect()) {
      if (!Array.isArray(pair)) throw noPair("collectAsMap", pair);
      const [key, value] = pair as Pair;
      const entry = found.find(key);
      if (entry === undefined) found.add(key, value);
      else entry.value = value;
    }
    return new Map(found.entries.map(({ key, value }) => [key, value])) as Map<KeyOf<T>, ValueOf<T>>;
  }

  /** How many pairs each key has. Keys are one by what they hold; the Map then finds objects by reference. */
  async countByKey(this: BatchRDD<Pair>): Promise<Map<KeyOf<T>, number>> {
    return (await this.#countBy({ kind: "countByKey" })) as Map<KeyOf<T>, number>;
  }

  /** How often each value comes. Values are one by what they hold; the Map then finds objects by reference. */
  async countByValue(): Promise<Map<T, number>> {
    return (await this.#countBy({ kind: "countByValue" })) as Map<T, number>;
  }

  /** Of all numbers; 0 for none. */
  async sum(this: BatchRDD<number>): Promise<number> {
    return (await this.stats()).sum;
  }

  /** Count, mean, sum, least, greatest, variance and standard deviation, in one pass. */
  async stats(this: BatchRDD<number>): Promise<Stats> {
    const partitions = await this.#run<Moments>({ kind: "stats" });
    const { count, mean, spread, sum, min, max } = partitions.reduce(mergeMoments, noMoments);
    const variance = count === 0 ? Number.NaN : spread / count;
    return { count, mean: count === 0 ? Number.NaN : mean, sum, min, max, variance, stdev: Math.sqrt(variance) };
  }

  async mean(this: BatchRDD<number>): Promise<number> {
    return (await this.stats()).mean;
  }

  /** Of the population, as {@link stdev} is. */
  async variance(this: BatchRDD<number>): Promise<number> {
    return (await this.stats()).variance;
  }

  async stdev(this: BatchRDD<number>): Promise<number> {
    return (await this.stats()).stdev;
  }

  /** As of a sample: divided by one less than there are. NaN for fewer than two. */
  async sampleVariance(this: BatchRDD<number>): Promise<number> {
    const { count, variance } = await this.stats();
    return count < 2 ? Number.NaN : (variance * count) / (count - 1);
  }

  async sampleStdev(this: BatchRDD<number>): Promise<number> {
    return Math.sqrt(await this.sampleVariance());
  }

  /** The largest value, in the order of `sortBy`. By a key: `top(1, key)` of the RDD. @throws EMPTY_RDD */
  async max(this: BatchRDD<Orderable>): Promise<T> {
    return (await this.#extreme("max", -1)) as T;
  }

  /** The smallest value. @throws EMPTY_RDD */
  async min(this: BatchRDD<Orderable>): Promise<T> {
    return (await this.#extreme("min", 1)) as T;
  }

  /**
   * How many numbers are in each bucket: from one edge up to but without the next one, the last bucket with its upper edge. `buckets` are the
   * edges, or how many buckets of equal width there should be between the smallest and the largest number. Spark: `histogram`.
   * @throws BAD_OPTION for edges that do not rise, EMPTY_RDD when edges are to be found and there is no number
   */
  async histogram(this: BatchRDD<number>, buckets: number | readonly number[]): Promise<Histogram> {
    const edges = typeof buckets === "number" ? evenEdges(buckets, await this.stats()) : checkedEdges(buckets);
    const counts = await this.#run<number[]>({ kind: "histogram", edges });
    return { edges, counts: edges.slice(1).map((_, i) => counts.reduce((sum, part) => sum + part[i]!, 0)) };
  }

  /** All values of a key, compared by value. Reads every partition. @throws NOT_CLONEABLE */
  async lookup(this: BatchRDD<Pair>, key: KeyOf<T>): Promise<ValueOf<T>[]> {
    const found = await this.#run<ValueOf<T>[]>({ kind: "lookup", key: crossing(key, "the key of lookup") });
    return found.flat(1) as ValueOf<T>[];
  }

  /**
   * Writes each partition as a file `part-00000` into a directory, on the executors: a line for each value, a text as it is, anything else
   * as JSON. Parts appear when they are whole and replace those of the same name; Spark refuses a directory that is there.
   */
  async saveAsTextFile(directory: string): Promise<void> {
    await this.#run({ kind: "saveAsTextFile", directory: resolve(directory) });
  }

  /** One partition at a time. `for await (const value of rdd)` is the same. */
  toLocalIterator(): AsyncIterableIterator<T> {
    return this.#runner.iterate(this.node) as AsyncIterableIterator<T>;
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<T> {
    return this.toLocalIterator();
  }

  async #extreme(method: string, sign: 1 | -1): Promise<unknown> {
    const found = (await this.#run<unknown[]>({ kind: "extreme", sign })).flat(1);
    if (found.length === 0) throw emptyRdd(method);
    const rankIn = (value: unknown) => rankOf(value, (same) => same, method);
    return found.reduce((best, value) => (sign * compareRanks(rankIn(value), rankIn(best)) < 0 ? value : best));
  }

  async #run<R>(action: Action): Promise<R[]> {
    return (await this.#runner.run(this.node, action)) as R[];
  }

  async #countBy(action: Action): Promise<Map<unknown, number>> {
    const totals = new KeyMap<number>();
    for (const [key, n] of (await this.#run<[unknown, number][]>(action)).flat(1)) {
      const entry = totals.find(key);
      if (entry === undefined) totals.add(key, n);
      else entry.value += n;
    }
    return new Map(totals.entries.map(({ key, value }) => [key, value]));
  }
}

/** Types allow only pairs here; JavaScript and casts do not. */
function noPair(method: string, given: unknown): TypeError {
  return new TypeError(`${method} works on pairs [key, value]; it got ${given === null ? "null" : typeof given}.`);
}
