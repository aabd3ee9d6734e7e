import { type Duration, parseDuration, type Time } from "../model/duration.ts";
import type { StreamingListener } from "../model/events.ts";
import {
  checkArgument,
  checkedLater,
  checkOptions,
  isBoolean,
  isIterable,
  isObject,
  isText,
} from "../model/options.ts";
import { nameAtCallSite } from "./call-site.ts";
import { DStream } from "./dstream.ts";
import type { Graph } from "./graph.ts";
import type { NodeOf } from "./node.ts";
import * as operations from "./operations.ts";
import { requireFunction } from "./operations.ts";
import { RDD } from "./rdd.ts";
import type { Accumulator, Broadcast } from "./shared-variables.ts";
import type { Source } from "./source.ts";
import { TextFileSource } from "./text-source.ts";
import { QueueSource, ValuesSource } from "./values-source.ts";

/** What onDriver was given, and where. */
export interface DriverFunction {
  readonly name: string;
  readonly run: (context: { signal: AbortSignal }) => void | Promise<void>;
}

interface QueueOptions<T> {
  /** @default 1 */
  numPartitions?: number | undefined;
  /** @default true */
  oneAtATime?: boolean | undefined;
  default?: Iterable<T> | undefined;
}

/** What a job's build function gets: it can describe, not start or stop. Spark: the `StreamingContext` before `start()`. */
export class JobContext {
  readonly appName: string;
  /** Milliseconds. */
  readonly batchInterval: number;
  /** @internal */
  readonly graph: Graph;
  /** @internal */
  readonly driverFunctions: DriverFunction[] = [];
  /** @internal */
  readonly listeners: StreamingListener[] = [];
  /** Instead of those that the job names, when it is under test. @internal */
  readonly brokers: string | undefined;
  #unnamed = 0;

  /** Not for users. */
  constructor(appName: string, batchInterval: number, graph: Graph, brokers?: string) {
    this.appName = appName;
    this.batchInterval = batchInterval;
    this.graph = graph;
    this.brokers = brokers;
  }

  /** @throws BAD_OPTION when there is no stream to unite */
  union<T>(...streams: readonly DStream<T>[]): DStream<T> {
    const nodes = operations.nodesOf("union", streams);
    return new DStream<T>(operations.union(this.graph, nodes), this.graph);
  }

  /** One stream from several, per batch by any operations on their RDDs. @runs executor and driver: choose operations, do no I/O */
  transform<A extends readonly unknown[], U>(
    streams: readonly [...{ [I in keyof A]: DStream<A[I]> }],
    f: (rdds: { [I in keyof A]: RDD<A[I]> }, time: Time) => RDD<U>,
  ): DStream<U> {
    requireFunction("transform", f);
    const parents = operations.nodesOf("transform", streams);
    const transformed: NodeOf<"transform">["f"] = (rdds, time) => f(rdds as never, time);
    return new DStream<U>(this.graph.node("transform", { kind: "transform", parents, f: transformed }), this.graph);
  }

  /**
   * One inner list a batch, or all of them in the first with `oneAtATime: false`; then `default` in each batch, or nothing. For tests and
   * first tries; refused with a checkpoint. Spark: `queueStream`.
   */
  queueStream<T>(batches: readonly Iterable<T>[], options?: QueueOptions<T>): DStream<T>;
  queueStream<T>(batches: Iterable<Iterable<T>>, options?: QueueOptions<T>): DStream<T>;
  queueStream<T>(batches: Iterable<Iterable<T>>, options: QueueOptions<T> = {}): DStream<T> {
    const checks = { numPartitions: operations.isPartitionCount, oneAtATime: isBoolean, default: isIterable };
    checkOptions("queueStream", options, checks);
    const example = "Give one list per batch: queueStream([[1, 2], [], [3]]).";
    checkArgument("queueStream", "what it is given", batches, isIterable, example);
    const lists = [...batches];
    for (const [i, batch] of lists.entries()) checkArgument("queueStream", `batch ${i}`, batch, isIterable, example);
    const { numPartitions = 1, oneAtATime = true, default: rest } = options;
    const queue = oneAtATime ? lists : [lists.flatMap((batch) => [...batch])];
    return this.streamOf("queueStream", new QueueSource(`queue-${this.#unnamed++}`, queue, numPartitions, rest));
  }

  /**
   * The lines of the files that come into `directory` after the start, each file a partition. Move files in whole, by renaming them; names
   * that begin with a dot or an underscore are passed over. Refused with a checkpoint. Spark: `textFileStream`.
   */
  textFileStream(directory: string): DStream<string> {
    checkArgument("textFileStream", "the directory", directory, isText, 'For example ssc.textFileStream("incoming").');
    return this.streamOf("textFileStream", new TextFileSource(`text-${this.#unnamed++}`, directory));
  }

  /** The values as an RDD, the same on every executor. */
  parallelize<T>(values: Iterable<T>, options: { numPartitions?: number } = {}): RDD<T> {
    checkOptions("parallelize", options, { numPartitions: operations.isPartitionCount });
    checkArgument("parallelize", "what it is given", values, isIterable, "For example ssc.parallelize([1, 2, 3]).");
    const source = new ValuesSource(`values-${this.#unnamed++}`, values, options.numPartitions ?? 1);
    return this.rddOf("parallelize", source);
  }

  /**
   * One value for the functions that run on executors: `load` is called on the driver before the first batch, and again before a batch when
   * the value is `refresh` old or older. A batch sees one version, also when it runs again. Must be plain data. @runs driver
   */
  broadcast<T>(load: () => T | Promise<T>, options: { refresh?: Duration } = {}): Broadcast<T> {
    requireFunction("broadcast", load);
    checkOptions("broadcast", options, { refresh: checkedLater });
    const { refresh } = options;
    return this.graph.broadcast(
      load,
      refresh === undefined ? refresh : parseDuration(refresh, "refresh", { minMs: 1 }),
    );
  }

  /** A sum that tasks add to. The name is its own in the job. */
  accumulator(name: string): Accumulator {
    checkArgument("accumulator", "the name", name, isText, 'For example ssc.accumulator("views").');
    return this.graph.accumulator(name);
  }

  /**
   * Keeps the plan of each completed batch for at least so long, so that {@link DStream.slice} can look at it again: offset ranges, no
   * records. Once a job. Spark: `remember`. @throws BAD_OPTION
   */
  remember(duration: Duration): void {
    this.graph.remember(parseDuration(duration, "remember", { minMs: 1 }));
  }

  /**
   * Once, on the driver, after the executors are ready: RDD actions, an HTTP endpoint, a report. A job without streams ends when
   * these have settled, a job with streams aborts `signal` when it ends; a failure stops the job. @runs driver
   */
  onDriver(run: DriverFunction["run"]): void {
    requireFunction("onDriver", run);
    this.driverFunctions.push({ name: nameAtCallSite("onDriver"), run });
  }

  addStreamingListener(listener: StreamingListener): Disposable {
    const example = "For example { onBatchCompleted(info) { times.push(info.batchTime); } }.";
    checkArgument("addStreamingListener", "the listener", listener, isObject, example);
    this.listeners.push(listener);
    return {
      [Symbol.dispose]: () => {
        const index = this.listeners.indexOf(listener);
        if (index >= 0) this.listeners.splice(index, 1);
      },
    };
  }

  /** @internal */
  streamOf<T>(method: string, source: Source<T>): DStream<T> {
    return new DStream<T>(this.graph.node(method, { kind: "source", source }), this.graph);
  }

  /** @internal */
  rddOf<T>(method: string, source: Source<T>): RDD<T> {
    return new RDD<T>(this.graph.node(method, { kind: "source", source }), this.graph);
  }
}
