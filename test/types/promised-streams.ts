import type * as millrace from "millrace";
import type * as sinks from "millrace/sinks";

/**
 * What is promised of streams, batches and RDDs, and of what makes them; promised.types.ts holds it against what there is. Results of overloaded
 * methods are not compared there but in dstream.types.ts.
 */

export type Stream<T> = millrace.DStream<T>;
export type Rdd<T> = millrace.RDD<T>;
export type Named = { name: string };
export type Shuffle = { numPartitions?: number | undefined };
export type Sliding = Named & { window: millrace.Duration; slide?: millrace.Duration | undefined };
export type Bytes = Uint8Array | null;
export type Read<T> = (bytes: Bytes, place: millrace.DecodeContext) => T;

export interface Order {
  user: string;
  cents: number;
}

/** What a stream of plain values can do. */
export interface StreamOfOrders {
  map(f: (order: Order) => string): Stream<string>;
  flatMap(f: (order: Order) => string[]): Stream<string>;
  filter(keep: (order: Order) => boolean): Stream<Order>;
  mapAsync(f: (order: Order) => Promise<number>, options?: { concurrency?: number }): Stream<number>;
  mapPartitions(
    f: (orders: millrace.Partition<Order>, task: millrace.TaskContext) => AsyncIterable<number>,
  ): Stream<number>;
  glom(): Stream<Order[]>;
  count(): Stream<number>;
  reduce(f: (a: Order, b: Order) => Order): Stream<Order>;
  countByValue(options?: Shuffle): Stream<[Order, number]>;
  repartition(numPartitions: number): Stream<Order>;
  union(...others: Stream<Order>[]): Stream<Order>;
  transform(f: (rdd: Rdd<Order>, time: number) => Rdd<number>): Stream<number>;
  transformWith(
    other: Stream<string>,
    f: (rdd: Rdd<Order>, other: Rdd<string>, time: number) => Rdd<number>,
  ): Stream<number>;
  persist(): Stream<Order>;
  cache(): Stream<Order>;
  window(window: millrace.Duration, slide?: millrace.Duration): Stream<Order>;
  countByWindow(options: Sliding): Stream<number>;
  countByValueAndWindow(options: Sliding & Shuffle): Stream<[Order, number]>;
  reduceByWindow(
    f: (a: Order, b: Order) => Order,
    options: Sliding & { inverse?(a: Order, b: Order): Order },
  ): Stream<Order>;
  foreachRDD(
    f: (rdd: millrace.BatchRDD<Order>, time: number, batch: millrace.BatchContext) => void | Promise<void>,
    options?: { name?: string },
  ): void;
  foreachPartition(
    f: (orders: millrace.Partition<Order>, task: millrace.TaskContext) => void | Promise<void>,
    options?: { name?: string },
  ): void;
  saveTo(sink: sinks.Sink<Order>, options: Named): void;
  saveAsTextFiles(prefix: string, suffix?: string): void;
  pprint(num?: number): void;
}

export type Pairs = Stream<[string, number]>;
export type Others = Stream<readonly [string, Order]>;

/** And a stream of pairs beyond that; mapWithState, whose results differ by what its function returns, is called in dstream.types.ts. */
export interface StreamOfPairs {
  mapValues(f: (n: number) => Order): Stream<[string, Order]>;
  flatMapValues(f: (n: number) => Iterable<Order>): Stream<[string, Order]>;
  reduceByKey(f: (a: number, b: number) => number, options?: Shuffle): Pairs;
  combineByKey(
    create: (n: number) => Order,
    mergeValue: (order: Order, n: number) => Order,
    mergeCombiners: (a: Order, b: Order) => Order,
    options?: Shuffle,
  ): Stream<[string, Order]>;
  groupByKey(options?: Shuffle): Stream<[string, number[]]>;
  partitionBy(numPartitions: number, partitioner?: (key: string) => number): Pairs;
  join(other: Others, options?: Shuffle): Stream<[string, [number, Order]]>;
  leftOuterJoin(other: Others, options?: Shuffle): Stream<[string, [number, Order | undefined]]>;
  rightOuterJoin(other: Others, options?: Shuffle): Stream<[string, [number | undefined, Order]]>;
  fullOuterJoin(other: Others, options?: Shuffle): Stream<[string, [number | undefined, Order | undefined]]>;
  cogroup(other: Others, options?: Shuffle): Stream<[string, [number[], Order[]]]>;
  updateStateByKey(
    update: (values: number[], state: Order | undefined) => Order | undefined,
    options: Named & Shuffle & { initialState?: Rdd<readonly [string, Order]> | undefined },
  ): Stream<[string, Order]>;
  groupByKeyAndWindow(options: Sliding & Shuffle): Stream<[string, number[]]>;
  reduceByKeyAndWindow(
    f: (a: number, b: number) => number,
    options: Sliding &
      Shuffle & { inverse?(a: number, b: number): number; filter?(key: string, value: number): boolean },
  ): Pairs;
}

export interface State {
  exists(): boolean;
  get(): Order | undefined;
  update(state: Order): void;
  remove(): void;
  isTimingOut(): boolean;
}

/** What foreachRDD hands over; sums and stats are for numbers. */
export interface BatchOfPairs extends AsyncIterable<[string, number]> {
  offsetRanges(): readonly millrace.OffsetRange[];
  getNumPartitions(): number;
  count(): Promise<number>;
  isEmpty(): Promise<boolean>;
  first(): Promise<[string, number]>;
  take(n: number): Promise<[string, number][]>;
  collect(): Promise<[string, number][]>;
  collectAsMap(): Promise<Map<string, number>>;
  countByKey(): Promise<Map<string, number>>;
  countByValue(): Promise<Map<[string, number], number>>;
  toLocalIterator(): AsyncIterableIterator<[string, number]>;
}

export interface BatchOfNumbers {
  sum(): Promise<number>;
  stats(): Promise<{
    count: number;
    mean: number;
    sum: number;
    min: number;
    max: number;
    stdev: number;
    variance: number;
  }>;
}

export type Orderable = string | number | bigint | Date;

export interface RddOfOrders extends millrace.BatchRDD<Order> {
  map(f: (order: Order) => string): Rdd<string>;
  flatMap(f: (order: Order) => string[]): Rdd<string>;
  filter(keep: (order: Order) => boolean): Rdd<Order>;
  mapPartitions(
    f: (orders: millrace.Partition<Order>, task: millrace.TaskContext) => AsyncIterable<number>,
  ): Rdd<number>;
  keyBy(f: (order: Order) => string): Rdd<[string, Order]>;
  distinct(options?: Shuffle): Rdd<Order>;
  union(...others: Rdd<Order>[]): Rdd<Order>;
  sample(options: { fraction: number; withReplacement?: boolean; seed?: number }): Rdd<Order>;
  sortBy(key: (order: Order) => Orderable, options?: { numPartitions?: number; ascending?: boolean }): Rdd<Order>;
  zipWithIndex(): Rdd<[Order, number]>;
  repartition(numPartitions: number): Rdd<Order>;
  cache(): Rdd<Order>;
  reduce(f: (a: Order, b: Order) => Order): Rdd<Order>;
  aggregate(
    zero: string,
    add: (c: string, order: Order) => string,
    merge: (a: string, b: string) => string,
  ): Rdd<string>;
  takeOrdered(n: number, key?: (order: Order) => Orderable): Rdd<Order>;
  top(n: number, key?: (order: Order) => Orderable): Rdd<Order>;
}

export interface RddOfPairs {
  mapValues(f: (n: number) => Order): Rdd<[string, Order]>;
  reduceByKey(f: (a: number, b: number) => number, options?: Shuffle): Rdd<[string, number]>;
  aggregateByKey(
    zero: Order,
    add: (order: Order, n: number) => Order,
    merge: (a: Order, b: Order) => Order,
    options?: Shuffle,
  ): Rdd<[string, Order]>;
  groupByKey(options?: Shuffle): Rdd<[string, number[]]>;
  join(other: Rdd<readonly [string, Order]>, options?: Shuffle): Rdd<[string, [number, Order]]>;
  leftOuterJoin(other: Rdd<readonly [string, Order]>): Rdd<[string, [number, Order | undefined]]>;
  subtractByKey(other: Rdd<readonly [string, Order]>): Rdd<[string, number]>;
}

/** What a build function gets. */
export interface Context {
  readonly appName: string;
  readonly batchInterval: number;
  union(...streams: Stream<Order>[]): Stream<Order>;
  transform(
    streams: [Stream<Order>, Stream<string>],
    f: (rdds: [Rdd<Order>, Rdd<string>], time: number) => Rdd<number>,
  ): Stream<number>;
  queueStream(batches: Iterable<Iterable<Order>>, options?: { numPartitions?: number }): Stream<Order>;
  textFileStream(directory: string): Stream<string>;
  parallelize(values: Iterable<Order>, options?: { numPartitions?: number }): Rdd<Order>;
  broadcast(load: () => Promise<Order>, options?: { refresh?: millrace.Duration }): { readonly value: Order };
  accumulator(name: string): { add(amount: number): void; readonly value: number };
  onDriver(run: (context: { signal: AbortSignal }) => void | Promise<void>): void;
  addStreamingListener(listener: millrace.StreamingListener): void;
}

export interface Running extends AsyncDisposable {
  getState(): "INITIALIZED" | "ACTIVE" | "STOPPED";
  awaitTermination(): Promise<void>;
  awaitTerminationOrTimeout(timeout: millrace.Duration): Promise<boolean>;
  stop(options?: { graceful?: boolean; timeout?: millrace.Duration }): Promise<void>;
  addStreamingListener(listener: millrace.StreamingListener): Disposable;
}

export interface Batch {
  readonly seq: number;
  readonly epoch: number;
  readonly signal: AbortSignal;
}

export interface Task extends Batch {
  readonly batchTime: number;
  readonly partition: number;
  readonly numPartitions: number;
  readonly attempt: number;
  readonly offsetRanges: readonly millrace.OffsetRange[];
}
