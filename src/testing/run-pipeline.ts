import { DStream } from "../graph/dstream.ts";
import type { JobContext } from "../graph/job-context.ts";
import { isPartitionCount } from "../graph/operations.ts";
import type { Pair } from "../graph/pair.ts";
import { defineJob } from "../job/job.ts";
import { ENGINE_CHECKS, type EngineOptions } from "../job/options.ts";
import type { Clock } from "../model/clock.ts";
import { type Duration, parseDuration } from "../model/duration.ts";
import { MillraceError } from "../model/errors.ts";
import { checkArgument, checkedLater, checkOptions, isFunction, isIterable, isObject } from "../model/options.ts";
import { runJob } from "../run-job.ts";

/** Anything. Spelled so that TypeScript reads an array of two as a pair, as the methods of streams do. */
type Value = Pair | {} | null | undefined;

/** One list of values per batch. */
export type Batches<T> = readonly Iterable<T>[];

export interface PipelineOptions extends Pick<EngineOptions, "onRecordError" | "taskMaxFailures"> {
  /** Batch times are its multiples: the first batch is at `batchInterval`, the second at twice that. @default "1s" */
  batchInterval?: Duration | undefined;
  /** Of the streams that the batches come in by. @default 1 */
  numPartitions?: number | undefined;
}

/** The streams of named inputs. */
export type NamedStreams<I> = { readonly [N in keyof I]: DStream<I[N] extends Batches<infer T> ? T : never> };

/**
 * Runs a piece of a graph over plain batches, in this process, without Kafka and without waiting: one list of outputs per batch. A batch
 * of no values is `[]`; when the batches are used up it ends. Functions run as on executors: the graph is built twice, values cross as
 * between threads, and a function that throws is tried again.
 * `await runPipeline([["a", "b"], ["a"]], (words) => words.countByValue())`
 * @throws what `awaitTermination` of a running job would
 */
export function runPipeline<T extends Value, U>(
  batches: Batches<T>,
  pipeline: (stream: DStream<T>, ssc: JobContext) => DStream<U>,
  options?: PipelineOptions,
): Promise<U[][]>;
/**
 * The same with several inputs, by name. The shorter ones go on with empty batches.
 * `await runPipeline({ views: [["a"]], clicks: [["b"]] }, ({ views, clicks }) => views.union(clicks))`
 */
export function runPipeline<I extends { readonly [name: string]: Batches<Value> }, U>(
  inputs: I,
  pipeline: (streams: NamedStreams<I>, ssc: JobContext) => DStream<U>,
  options?: PipelineOptions,
): Promise<U[][]>;
/** The batches of any iterable, such as a generator. It is read at once. */
export function runPipeline<T extends Value, U>(
  batches: Iterable<Iterable<T>>,
  pipeline: (stream: DStream<T>, ssc: JobContext) => DStream<U>,
  options?: PipelineOptions,
): Promise<U[][]>;
export async function runPipeline<U>(
  given: Iterable<Iterable<unknown>> | { readonly [name: string]: Batches<unknown> },
  pipeline: (streams: never, ssc: JobContext) => DStream<U>,
  options: PipelineOptions = {},
): Promise<U[][]> {
  const { onRecordError, taskMaxFailures } = ENGINE_CHECKS;
  const checks = { onRecordError, taskMaxFailures, batchInterval: checkedLater, numPartitions: isPartitionCount };
  checkOptions("runPipeline", options, checks);
  checkArgument("runPipeline", "the pipeline", pipeline, isFunction, "For example (words) => words.countByValue().");
  if (!isBatches(given)) {
    checkArgument("runPipeline", "what it is given", given, isObject, "Give one list per batch: [[1, 2], [], [3]].");
  }
  const { batchInterval: interval = "1s", numPartitions = 1, ...engineOptions } = options;
  const batchInterval = parseDuration(interval, "batchInterval");
  // Both the driver and the executor read them, and a generator can be read once.
  const named: [string, Iterable<Iterable<unknown>>][] = isBatches(given) ? [["only", given]] : Object.entries(given);
  const inputs = named.map(([name, batches]) => ({ name, batches: Array.from(listed(name, batches), valuesOf) }));
  const outputs: U[][] = [];
  const job = defineJob({ appName: "pipeline", batchInterval, master: "local" }, (ssc) => {
    const streams = inputs.map(({ name, batches }) => [name, ssc.queueStream(batches, { numPartitions })] as const);
    const result = pipeline((isBatches(given) ? streams[0]![1] : Object.fromEntries(streams)) as never, ssc);
    if (!(result instanceof DStream)) throw noStream(result);
    result.foreachRDD(async (rdd, time) => {
      outputs[time / batchInterval - 1] = await rdd.collect();
    });
  });
  const over = new AbortController();
  const count = Math.max(0, ...inputs.map(({ batches }) => batches.length));
  const clock = rushingClock(count * batchInterval, () => over.abort());
  const running = await runJob(job, { ...engineOptions, clock, signal: over.signal });
  await running.awaitTermination();
  // Between two slides of a window there is nothing.
  return Array.from({ length: count }, (_, i) => outputs[i] ?? []);
}

/** From 0 to `end`: each time comes as soon as somebody waits for it. */
function rushingClock(end: number, whenOver: () => void): Clock {
  let now = 0;
  return {
    now: () => now,
    async sleepUntil(time, signal) {
      if (time <= end) {
        now = Math.max(now, time);
        return;
      }
      whenOver();
      signal.throwIfAborted();
      await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason), { once: true }));
    },
  };
}

function valuesOf(batch: Iterable<unknown>, index: number): unknown[] {
  if (typeof batch === "object" && batch !== null && Symbol.iterator in batch) return [...batch];
  throw new MillraceError(
    "BAD_OPTION",
    `Batch ${index} given to runPipeline is ${typeof batch}, not a list of values.`,
    {
      hint: "Give one list per batch: [[1, 2], [], [3]].",
    },
  );
}

function isBatches(given: object): given is Iterable<Iterable<unknown>> {
  return typeof given === "object" && given !== null && Symbol.iterator in given;
}

function listed(name: string, batches: Iterable<Iterable<unknown>>): Iterable<Iterable<unknown>> {
  checkArgument("runPipeline", `"${name}"`, batches, isIterable, "Give one list per batch: { views: [[1, 2], []] }.");
  return batches;
}

function noStream(result: unknown): MillraceError {
  return new MillraceError("BAD_OPTION", `The function given to runPipeline returned ${typeof result}, not a stream.`, {
    hint: "Return the stream whose values you want to see.",
  });
}
