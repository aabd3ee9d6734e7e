import type { StreamingListener } from "../model/events.ts";
import { checkOptions } from "../model/options.ts";
import { nameAtCallSite } from "./call-site.ts";
import { DStream } from "./dstream.ts";
import type { Graph } from "./graph.ts";
import * as operations from "./operations.ts";
import { requireFunction } from "./operations.ts";
import { RDD } from "./rdd.ts";
import type { Source } from "./source.ts";
import { QueueSource, ValuesSource } from "./values-source.ts";

/** What onDriver was given, and where. */
export interface DriverFunction {
  readonly name: string;
  readonly run: (context: { signal: AbortSignal }) => void | Promise<void>;
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
  #unnamed = 0;

  /** @internal */
  constructor(appName: string, batchInterval: number, graph: Graph) {
    this.appName = appName;
    this.batchInterval = batchInterval;
    this.graph = graph;
  }

  union<T>(...streams: readonly DStream<T>[]): DStream<T> {
    return new DStream<T>(
      operations.union(
        this.graph,
        streams.map(({ node }) => node),
      ),
      this.graph,
    );
  }

  /** One inner list a batch, then empty batches. For tests and first tries. Spark: `queueStream`. */
  queueStream<T>(batches: readonly Iterable<T>[], options: { numPartitions?: number } = {}): DStream<T> {
    checkOptions("queueStream", options, { numPartitions: operations.isPartitionCount });
    const source = new QueueSource(`queue-${this.#unnamed++}`, batches, options.numPartitions ?? 1);
    return this.streamOf("queueStream", source);
  }

  /** The values as an RDD, the same on every executor. */
  parallelize<T>(values: Iterable<T>, options: { numPartitions?: number } = {}): RDD<T> {
    checkOptions("parallelize", options, { numPartitions: operations.isPartitionCount });
    const source = new ValuesSource(`values-${this.#unnamed++}`, values, options.numPartitions ?? 1);
    return this.rddOf("parallelize", source);
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
