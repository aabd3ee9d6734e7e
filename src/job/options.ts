import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { type Duration, parseDuration } from "../model/duration.ts";
import { MillraceError } from "../model/errors.ts";
import type { Logger } from "../model/events.ts";
import {
  type Check,
  checkedLater,
  checkOptions,
  isBoolean,
  isInteger,
  isObject,
  isOneOf,
  isPostgresUrl,
  isText,
  shown,
} from "../model/options.ts";
import type { PartitionRates } from "../model/partition-rates.ts";
import type { OnRecordError } from "../model/plan.ts";
import {
  type FailurePolicy,
  isFailurePolicy,
  type ResolvedFailurePolicy,
  resolveFailurePolicy,
} from "./failure-policy.ts";
import {
  type BackpressureOptions,
  isBackpressure,
  isPartitionRates,
  type ResolvedBackpressure,
  refuseMinAboveMax,
  resolveBackpressure,
} from "./rate-options.ts";

/** What may cross between threads by structured clone without losing anything. */
export type ParamValue =
  | string
  | number
  | boolean
  | null
  | undefined
  | readonly ParamValue[]
  | { readonly [name: string]: ParamValue };

/**
 * Where tasks run. `local`: in this process, one task at a time. `local[4]`, `local[*]`: that many worker threads. In a shell
 * quote it, or write `--executors 4`: zsh reads the brackets as a file pattern. Spark: `master`.
 */
export type Master = "local" | `local[${number}]` | "local[*]";

type Trigger = "interval" | "onData" | "availableNow";

export interface EngineOptions {
  /** @default "local[*]"; a plain script is "local" */
  master?: Master | undefined;
  /**
   * "interval": a batch every batchInterval. "onData": a batch as soon as there is data, none while there is not; batchInterval then only
   * says how much data a rate limit allows. "availableNow": batches without a pause until there is nothing more, then stop. @default "interval"
   */
  trigger?: Trigger | undefined;
  /**
   * Keeps offsets and pending plans there, as plain data; a restart goes on where the run before stood. A directory on a local disk,
   * or a Postgres database that outlives it: `postgres://user:password@host/database#name`. One per job. @default none: a restart begins where fromOffsets or "auto.offset.reset" says
   */
  checkpointDirectory?: string | URL | undefined;
  /**
   * Runs a batch that a job with other operations has planned; drops states that the job no longer has; deals a state with another `numPartitions` out
   * anew, if no batch is pending. @default false: PLAN_MISMATCH, NAME_NOT_IN_JOB, STATE_DIFFERS
   */
  acceptChangedGraph?: boolean | undefined;
  /** Runs a batch that other code of the same graph has planned, when an exactly-once output or a state may have a part of it. @default false */
  acceptChangedCode?: boolean | undefined;
  /**
   * For one start: takes over a checkpoint or a sink that was restored or copied, where they no longer fit. What a sink has lost stays lost; what sinks
   * hold beyond the checkpoint is written once more. @default false: SINK_BEHIND or SINK_AHEAD
   */
  adopt?: boolean | undefined;
  /**
   * Batches that were left out (`failedBatch: "continue"`), by their `seq`: each is done first, as a new batch that reads its ranges and writes what is missing
   * of its outputs. One that was replayed already is passed over. @default none
   */
  replay?: readonly number[] | undefined;
  /**
   * Waits for its turn: until the driver that works on the checkpoint has stopped, or has written nothing for so long (true: 30 s, or three batch
   * intervals if that is longer). @default false: takes over at once
   */
  standby?: boolean | Duration | undefined;
  /**
   * What happens when a batch has failed. It stays first in line: "stop" ends the stream with its error; `retry` runs the same plan again,
   * that many times. "continue" abandons it instead, in the open: the checkpoint keeps its ranges and its error, `onBatchAbandoned` tells of it,
   * and it never runs again by itself. @default "stop"
   */
  failedBatch?: FailurePolicy | undefined;
  /**
   * What happens when a function given to map, filter or flatMap (or to what is made of these: mapValues, flatMapValues, keyBy) throws at a record
   * of Kafka. "fail": its task fails. "skip": the value it was called with goes no further on that branch, and `onRecordsSkipped` tells how many
   * records that were. Everywhere else a function that throws fails its task: after a shuffle, in async operators, where values are combined.
   * @default "fail"
   */
  onRecordError?: OnRecordError | undefined;
  /** Tries of one task. From 1 to 100. Spark: `spark.task.maxFailures`. @default 4 */
  taskMaxFailures?: number | undefined;
  /** A task that takes longer fails, and its executor is ended and replaced. On `local` only a function that awaits can be ended. @default none */
  taskTimeout?: Duration | undefined;
  /** A foreachRDD function that takes longer fails the batch. @default none */
  outputTimeout?: Duration | undefined;
  /** MiB of JavaScript heap per executor, from 32; buffers come on top. Spark: `spark.executor.memory`. @default Node's own limit */
  executorMemory?: number | undefined;
  /**
   * Records per second that one partition gives at most: one number, or numbers by topic, or by topic and partition.
   * Spark: `spark.streaming.kafka.maxRatePerPartition`, `PerPartitionConfig`. @default none
   */
  maxRatePerPartition?: PartitionRates | undefined;
  /**
   * Records per second that a partition gives at least when it has them, whatever backpressure and maxBatchSize say.
   * Spark: `spark.streaming.kafka.minRatePerPartition`. @default one record a batch
   */
  minRatePerPartition?: PartitionRates | undefined;
  /**
   * Finds out how many records per second the job can process, and reads no more than that: the batch takes about as long as its interval.
   * Spark: `spark.streaming.backpressure.enabled`. @default false
   */
  backpressure?: boolean | BackpressureOptions | undefined;
  /** MiB that one batch may read, estimated from the batches before. @default 512 */
  maxBatchSize?: number | undefined;
  /** Anything shaped like pino or console. @default none from code, a readable log from the command line */
  logger?: Logger | undefined;
}

export interface JobOptions<P> extends EngineOptions {
  /** Shown in logs; names the job. */
  appName: string;
  /** From 20 ms to 24 h. Spark: `batchDuration`. */
  batchInterval: Duration;
  /**
   * `import.meta.url`. Needed when the job object itself is run on threads (`runJob(job, { master: "local[4]" })`); `millrace run`
   * and `runJob(url)` know it already. A bundle must keep the job in a file of its own.
   */
  module?: string | undefined;
  /**
   * Defaults; the command line (`--param topic=x`), runJob and tests override them. The same copy on the driver and on every
   * executor, which `process.argv`, `Date.now()` and `randomUUID()` are not.
   */
  params?: P | undefined;
}

/** The options as the engine uses them: checked, with defaults, in milliseconds and bytes. */
export interface ResolvedOptions {
  readonly batchIntervalMs: number;
  /** 0: in this process. */
  readonly threads: number;
  readonly trigger: Trigger;
  readonly checkpointDirectory: string | undefined;
  readonly acceptChangedGraph: boolean;
  readonly acceptChangedCode: boolean;
  readonly adopt: boolean;
  readonly replay: readonly number[];
  /** How long the other driver may be silent; undefined when nobody is waited for. */
  readonly standbyMs: number | undefined;
  readonly failedBatch: ResolvedFailurePolicy;
  readonly onRecordError: OnRecordError;
  readonly taskMaxFailures: number;
  readonly taskTimeoutMs: number | undefined;
  readonly outputTimeoutMs: number | undefined;
  readonly executorMemoryMiB: number | undefined;
  readonly maxRatePerPartition: PartitionRates | undefined;
  readonly minRatePerPartition: PartitionRates | undefined;
  readonly backpressure: ResolvedBackpressure | undefined;
  readonly maxBatchBytes: number;
  readonly logger: Logger | undefined;
}

const isLogger: Check = (value) =>
  ["debug", "info", "warn", "error"].every((level) => typeof (value as Record<string, unknown>)?.[level] === "function")
    ? undefined
    : "must have the methods debug, info, warn and error";

const isPlace: Check = (value) => {
  const known = value instanceof URL ? value.protocol === "file:" : !/^[a-z]+:\/\//i.test(String(value));
  return isPostgresUrl(value) || (known && (value instanceof URL || isText(value) === undefined))
    ? undefined
    : "must be the path of a directory (in code also a URL object, file:), or the postgres: URL of a database";
};

const isBatches: Check = (value) =>
  Array.isArray(value) && value.every((seq) => Number.isSafeInteger(seq) && seq > 0)
    ? undefined
    : "must be a list of batches, by their seq";

export const ENGINE_CHECKS: { readonly [O in keyof Required<EngineOptions>]: Check } = {
  master: checkedLater,
  trigger: isOneOf("interval", "onData", "availableNow"),
  checkpointDirectory: isPlace,
  acceptChangedGraph: isBoolean,
  acceptChangedCode: isBoolean,
  adopt: isBoolean,
  replay: isBatches,
  standby: checkedLater,
  failedBatch: isFailurePolicy,
  onRecordError: isOneOf("fail", "skip"),
  taskMaxFailures: isInteger(1, 100),
  taskTimeout: checkedLater,
  outputTimeout: checkedLater,
  executorMemory: isInteger(32, 1 << 20),
  maxRatePerPartition: isPartitionRates,
  minRatePerPartition: isPartitionRates,
  backpressure: isBackpressure,
  maxBatchSize: isInteger(1, 1 << 20),
  logger: isLogger,
};

export const JOB_CHECKS: { readonly [O in keyof Required<JobOptions<unknown>>]: Check } = {
  ...ENGINE_CHECKS,
  appName: isText,
  batchInterval: checkedLater,
  module: isText,
  params: isObject,
};

/** Below 20 ms asking for the offsets would take longer than the batch. */
const BATCH_INTERVAL_MS_MIN = 20;
const BATCH_INTERVAL_MS_MAX = 24 * 3_600_000;

/** `further` are options of the owner that are none of the engine's. @throws BAD_OPTION */
export function resolveOptions(
  owner: string,
  given: JobOptions<unknown>,
  further: { readonly [option: string]: Check } = {},
): ResolvedOptions {
  checkOptions(owner, given, { ...JOB_CHECKS, ...further });
  for (const required of ["appName", "batchInterval"] as const) {
    if (given[required] !== undefined) continue;
    throw new MillraceError("BAD_OPTION", `${owner} needs "${required}".`, {
      hint: 'For example { appName: "page-views", batchInterval: "1s" }.',
    });
  }
  refuseMinAboveMax(given.minRatePerPartition, given.maxRatePerPartition);
  const timeout = (option: "taskTimeout" | "outputTimeout") =>
    given[option] === undefined ? undefined : parseDuration(given[option], option, { minMs: 1 });
  const batchIntervalMs = parseDuration(given.batchInterval, "batchInterval", {
    minMs: BATCH_INTERVAL_MS_MIN,
    maxMs: BATCH_INTERVAL_MS_MAX,
  });
  return {
    batchIntervalMs,
    threads: threadsOf(given.master === undefined ? "local[*]" : given.master),
    trigger: given.trigger ?? "interval",
    checkpointDirectory: given.checkpointDirectory === undefined ? undefined : placeOf(given.checkpointDirectory),
    acceptChangedGraph: given.acceptChangedGraph ?? false,
    acceptChangedCode: given.acceptChangedCode ?? false,
    adopt: given.adopt ?? false,
    replay: given.replay ?? [],
    standbyMs: standbyOf(given.standby, batchIntervalMs),
    failedBatch: resolveFailurePolicy(given.failedBatch),
    onRecordError: given.onRecordError ?? "fail",
    taskMaxFailures: given.taskMaxFailures ?? 4,
    taskTimeoutMs: timeout("taskTimeout"),
    outputTimeoutMs: timeout("outputTimeout"),
    executorMemoryMiB: given.executorMemory,
    maxRatePerPartition: given.maxRatePerPartition,
    minRatePerPartition: given.minRatePerPartition,
    backpressure: resolveBackpressure(given.backpressure),
    maxBatchBytes: (given.maxBatchSize ?? 512) * 2 ** 20,
    logger: given.logger,
  };
}

function placeOf(directory: string | URL): string {
  if (isPostgresUrl(directory)) return String(directory);
  return directory instanceof URL ? fileURLToPath(directory) : resolve(directory);
}

const SILENCE_MS = 30_000;

function standbyOf(standby: EngineOptions["standby"], batchIntervalMs: number): number | undefined {
  if (standby === undefined || standby === false) return undefined;
  return standby === true
    ? Math.max(SILENCE_MS, 3 * batchIntervalMs)
    : parseDuration(standby, "standby", { minMs: 1_000 });
}

const THREADS_MAX = 512;

/** `local` is 0 threads, `local[*]` one per core. */
function threadsOf(master: unknown): number {
  if (master === "local") return 0;
  if (master === "local[*]") return availableParallelism();
  const match = /^local\[(\d{1,3})\]$/.exec(String(master));
  const threads = Number(match?.[1]);
  if (threads >= 1 && threads <= THREADS_MAX) return threads;
  throw new MillraceError("BAD_OPTION", `"master" is ${shown(master)}.`, {
    hint: `Use "local", "local[*]" or "local[n]" with n from 1 to ${THREADS_MAX}.`,
  });
}
