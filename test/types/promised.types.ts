/**
 * What is promised to users, said once more by itself: each name of the package as somebody would write its type who has never seen the
 * source. Whatever here stops compiling breaks a program of theirs. Compiled by `npm run check`, never run.
 */
import type * as millrace from "millrace";
import type * as avro from "millrace/avro";
import type * as sinks from "millrace/sinks";
import type * as testing from "millrace/testing";
import type {
  Batch,
  BatchOfNumbers,
  BatchOfPairs,
  Bytes,
  Context,
  Order,
  Pairs,
  Rdd,
  RddOfOrders,
  RddOfPairs,
  Read,
  Running,
  State,
  Stream,
  StreamOfOrders,
  StreamOfPairs,
  Task,
} from "./promised-streams.ts";

/** Compiles only where what there is can be used as what was promised. */
type Keeps<There extends Promised, Promised> = [There, Promised];

/** Of methods the compiler compares parameters either way round; of properties that are functions it does not. */
type Strict<Methods> = {
  [Name in keyof Methods]: Methods[Name] extends (...args: infer Args) => infer Result
    ? (...args: Args) => Result
    : Methods[Name];
};
type Does<There extends Strict<Promised>, Promised> = [There, Promised];

/** What can be set, by code; there may be more. */
interface Settings {
  master?: "local" | "local[4]" | "local[*]" | undefined;
  checkpointDirectory?: string | URL | undefined;
  trigger?: "interval" | "availableNow" | "onData" | undefined;
  failedBatch?: "stop" | "continue" | { readonly retry: number; readonly backoff?: millrace.Duration } | undefined;
  taskMaxFailures?: number | undefined;
  taskTimeout?: millrace.Duration | undefined;
  outputTimeout?: millrace.Duration | undefined;
  executorMemory?: number | undefined;
  maxRatePerPartition?: number | undefined;
  backpressure?: boolean | undefined;
  logger?: Record<"debug" | "info" | "warn" | "error", (fields: object, message?: string) => void> | undefined;
}

interface KafkaSettings {
  "bootstrap.servers"?: string | undefined;
  "metadata.broker.list"?: string | undefined;
  "auto.offset.reset"?: "earliest" | "latest" | "none" | "smallest" | "largest" | undefined;
  "group.id"?: string | undefined;
  "client.id"?: string | undefined;
  "isolation.level"?: "read_uncommitted" | "read_committed" | undefined;
  "fetch.max.bytes"?: number | undefined;
  "max.partition.fetch.bytes"?: number | undefined;
  "fetch.max.wait.ms"?: number | undefined;
  ssl?: boolean | import("node:tls").SecureContextOptions | undefined;
  sasl?:
    | { mechanism: "PLAIN" | "SCRAM-SHA-256" | "SCRAM-SHA-512"; username: string; password: string }
    | { mechanism: "OAUTHBEARER"; token: string | (() => string | Promise<string>) }
    | undefined;
}

interface StreamSettings {
  keyDecoder?: millrace.Decoder<string> | undefined;
  valueDecoder?: millrace.Decoder<Order> | undefined;
  fromOffsets?: { [topic: string]: { [partition: number]: number } } | undefined;
  startingTimestamp?: number | undefined;
  name?: string | undefined;
  onDecodeError?:
    | "fail"
    | "skip"
    | ((failure: { error: Error; context: millrace.DecodeContext; bytes: Bytes }) => void)
    | undefined;
  failOnDataLoss?: boolean | undefined;
  commitToGroup?: boolean | undefined;
  minPartitions?: number | undefined;
}

type Range = { topic: string; partition: number; fromOffset: number; untilOffset: number };
type Topics = readonly string[] | RegExp | readonly { topic: string; partition: number }[];
type Records = millrace.ConsumerRecord<string, Order>;

interface Kafka {
  createDirectStream(
    ssc: millrace.JobContext,
    topics: Topics,
    kafkaParams: KafkaSettings,
    options: StreamSettings,
  ): Stream<Records>;
  createRDD(
    ssc: millrace.JobContext,
    kafkaParams: KafkaSettings,
    ranges: readonly Range[],
    options: Pick<StreamSettings, "keyDecoder" | "valueDecoder" | "onDecodeError" | "minPartitions">,
  ): Rdd<Records>;
}

interface RecordOfOrder {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly timestamp: number;
  readonly timestampType: "CreateTime" | "LogAppendTime";
  readonly headers: readonly { readonly key: string; readonly value: Bytes }[];
  readonly key: string;
  readonly value: Order;
  toJSON(): { topic: string; partition: number; offset: number; timestamp: number; key: string; value: Order };
}

interface Listener {
  onStreamingStarted?(event: { time: number }): void;
  onBatchSubmitted?(info: millrace.BatchInfo): void;
  onBatchStarted?(info: millrace.BatchInfo): void;
  onBatchCompleted?(info: millrace.BatchInfo): void;
  onTaskFailed?(event: {
    batchTime: number;
    partition: number;
    attempt: number;
    executorId: number;
    error: millrace.MillraceError;
    willRetry: boolean;
  }): void;
  onDataLoss?(event: { range: Range; reason: "expired" | "truncated" | "recreated" | "deleted" }): void;
}

interface Info {
  readonly batchTime: number;
  readonly inputs: readonly {
    readonly name: string;
    readonly records: number;
    readonly offsetRanges: readonly Range[];
    readonly lag: number;
  }[];
  readonly submissionTime: number;
  readonly processingStartTime: number | undefined;
  readonly processingEndTime: number | undefined;
  readonly schedulingDelay: number | undefined;
  readonly processingDelay: number | undefined;
  readonly totalDelay: number | undefined;
  readonly outputs: readonly {
    readonly name: string;
    readonly duration: number | undefined;
    readonly failure: millrace.MillraceError | undefined;
  }[];
}

interface Failure extends Error {
  readonly code: millrace.ErrorCode;
  readonly hint: string;
  readonly at: {
    readonly operator?: string;
    readonly batchTime?: number;
    readonly topic?: string;
    readonly partition?: number;
    readonly offset?: number;
  };
}

type Codes =
  | "TASK_FAILED"
  | "TASK_TIMEOUT"
  | "OUTPUT_FAILED"
  | "OUTPUT_TIMEOUT"
  | "EXECUTOR_DIED"
  | "DECODE_FAILED"
  | "CORRUPT_RECORD"
  | "NOT_CLONEABLE"
  | "BROKER_UNREACHABLE"
  | "TOPIC_NOT_FOUND"
  | "OFFSETS_LOST"
  | "FENCED"
  | "CHECKPOINT_CORRUPT"
  | "CHECKPOINT_OF_ANOTHER_JOB"
  | "NAME_NOT_IN_JOB"
  | "PLAN_MISMATCH"
  | "JOB_STARTS_ITSELF"
  | "JOB_WITHOUT_MODULE"
  | "JOB_NOT_LOADABLE"
  | "GRAPH_DIFFERS"
  | "ASYNC_FUNCTION"
  | "ACTION_IN_TRANSFORM"
  | "ACTION_AFTER_BATCH"
  | "EMPTY_RDD"
  | "BAD_OPTION"
  | "WRONG_STATE";

/** The functions and values of the main entry. */
interface Main {
  utf8: Read<string | null>;
  bytes: Read<Bytes>;
  json(): Read<unknown>;
  json<S extends millrace.StandardSchemaV1>(schema: S): Read<millrace.StandardSchemaV1.InferOutput<S>>;
  nullable(decoder: millrace.Decoder<Order>): millrace.Decoder<Order | null>;
  required(decoder: Read<Order | null>): millrace.Decoder<Order>;
  OffsetRange: {
    count(range: Range): number;
    equals(a: Range, b: Range): boolean;
    format(range: Range): string;
  };
  defineJob(
    options: Settings & {
      appName: string;
      batchInterval: millrace.Duration;
      module?: string | undefined;
      params?: { topic: string };
    },
    build: (ssc: millrace.JobContext, params: Readonly<{ topic: string }>) => void,
  ): { readonly appName: string; readonly module: string | undefined; readonly params: { topic: string } };
  runJob(
    job: URL | string | millrace.Job<{ topic: string }>,
    options?: Settings & {
      params?: { topic?: string };
      signal?: AbortSignal | undefined;
      handleSignals?: boolean | undefined;
    },
  ): Promise<Running>;
  resource(open: () => Promise<Order>, close?: (order: Order) => void | Promise<void>): () => Promise<Order>;
  executorId: number | undefined;
  StreamingContext: new (
    options: Omit<Settings, "master"> & { appName: string; batchInterval: millrace.Duration },
  ) => Context & Running & { start(): Promise<void> };
  MillraceError: { is(error: unknown, code?: millrace.ErrorCode): error is millrace.MillraceError };
  KafkaUtils: Kafka;
}

interface Run extends AsyncDisposable {
  send(
    topic: string,
    records: readonly {
      key?: string | Uint8Array | null;
      value: string | Uint8Array | object | null;
      partition?: number;
      timestamp?: number;
    }[],
  ): void;
  tick(): Promise<millrace.BatchInfo>;
  output<T>(name: string): T[];
  state<K, S>(name: string): Map<K, S>;
  readonly now: number;
  fail(what: "task" | "executor", times?: number): void;
  crash(
    at: "before plan" | "after plan" | "after tasks" | "after outputs" | "after completion",
  ): Promise<millrace.MillraceError>;
  restart(job?: millrace.Job): Promise<void>;
}

interface TestingKit {
  runPipeline(
    batches: Iterable<Iterable<string>>,
    pipeline: (words: Stream<string>) => Stream<number>,
    options?: { batchInterval?: millrace.Duration; numPartitions?: number },
  ): Promise<number[][]>;
  testJob(
    job: millrace.Job<{ topic: string }>,
    options: {
      topics: { readonly [topic: string]: { readonly partitions?: number } };
      params?: { topic?: string };
      master?: millrace.Master;
      fromOffsets?: millrace.TopicOffsets;
    },
  ): Promise<Run>;
}

type Text = string | Uint8Array | null;

interface SinkFunctions {
  postgres(
    options:
      | {
          connection: string;
          table: string;
          row: (order: Order, commit: sinks.PartitionCommit) => { user: string };
          upsertBy?: readonly string[];
        }
      | {
          connection: string;
          write: (
            client: sinks.PgClient,
            orders: millrace.Partition<Order>,
            commit: sinks.PartitionCommit,
          ) => Promise<void>;
        },
  ): sinks.Sink<Order>;
  sqlite(options: {
    path: string;
    table: string;
    row: (order: Order) => { user: string };
    upsertBy?: readonly string[];
  }): sinks.Sink<Order>;
  kafka(options: {
    kafkaParams: millrace.KafkaParams;
    topic: string;
    key?: (order: Order) => Text;
    value: (order: Order) => Text;
    compression?: "none" | "gzip" | "snappy" | "lz4" | "zstd";
  }): sinks.Sink<Order>;
  files(options: { directory: string | URL; encode?: (order: Order) => string | Uint8Array }): sinks.Sink<Order>;
}

interface Commit {
  readonly checkpointId: string;
  readonly appName: string;
  readonly output: string;
  readonly seq: number;
  readonly batchTime: number;
  readonly partition: number;
  readonly numPartitions: number;
  readonly digest: string;
  readonly epoch: number;
  readonly offsetRanges: readonly Range[];
  readonly signal: AbortSignal;
}

type Fencing = { fence(connection: string, epoch: number, numPartitions: number): Promise<void> };

interface AvroFunctions {
  avro(options: { schema: object; reader?: object }): millrace.Decoder<Order>;
  confluentAvro(options: {
    registry: string | URL;
    auth?: { username: string; password: string };
    reader?: object;
  }): millrace.Decoder<Order>;
}

/** A type that users name keeps what they rely on. */
export type Promises = [
  Does<typeof millrace, Main>,
  Does<typeof testing, TestingKit>,
  Does<typeof sinks, SinkFunctions>,
  Does<typeof avro, AvroFunctions>,
  Does<Stream<Order>, StreamOfOrders>,
  Does<Pairs, StreamOfPairs>,
  Does<millrace.BatchRDD<[string, number]>, BatchOfPairs>,
  Does<millrace.BatchRDD<number>, BatchOfNumbers>,
  Does<Rdd<Order>, RddOfOrders>,
  Does<Rdd<[string, number]>, RddOfPairs>,
  Does<millrace.State<Order>, State>,
  Does<millrace.JobContext, Context>,
  Does<millrace.RunningJob, Running>,
  Does<Records, RecordOfOrder>,
  Keeps<millrace.BatchContext, Batch>,
  Keeps<millrace.TaskContext, Task>,
  Keeps<millrace.BatchInfo, Info>,
  Keeps<millrace.MillraceError, Failure>,
  Keeps<sinks.PartitionCommit, Commit>,
  Keeps<Omit<Commit, "partition">, Omit<sinks.BatchCommit, never>>,
  // What users give: theirs must be taken.
  Does<Fencing, Pick<sinks.SinkLife<string>, "fence">>,
  Keeps<Settings, millrace.EngineOptions>,
  Keeps<KafkaSettings, millrace.KafkaParams>,
  Keeps<StreamSettings, millrace.DirectStreamOptions<string, Order>>,
  Does<Listener, millrace.StreamingListener>,
  Keeps<Codes, millrace.ErrorCode>,
  Keeps<Topics, millrace.TopicSelection>,
  Keeps<Range, millrace.OffsetRange>,
  Keeps<"200ms" | "1.5s" | "10m" | "2h" | 5, millrace.Duration>,
  Keeps<{ a: [string, { b: null }] }, { [name: string]: millrace.ParamValue }>,
  // Assignability between the package's own types.
  Keeps<Stream<[string, number]>, Stream<millrace.Pair>>,
  Keeps<Rdd<Order>, millrace.BatchRDD<Order>>,
  Keeps<millrace.KeyOf<readonly [string, number]>, string>,
  Keeps<millrace.ValueOf<[string, number]>, number>,
  Keeps<number, millrace.Folded<1>>,
];

/** What must not be taken: each line would fail far from where it was written. */
export type Refusals = [
  // @ts-expect-error A number has no unit but milliseconds, and a text has one.
  Keeps<"5", millrace.Duration>,
  // @ts-expect-error
  Keeps<"local(4)", millrace.Master>,
  // @ts-expect-error
  Keeps<{ topic: string; partition: number }, millrace.OffsetRange>,
  // @ts-expect-error Functions do not travel.
  Keeps<() => void, millrace.ParamValue>,
  // @ts-expect-error A sink of numbers takes no texts.
  Keeps<sinks.Sink<number>, sinks.Sink<string>>,
  // @ts-expect-error
  Keeps<Stream<string | number>, Stream<string>>,
  // @ts-expect-error A key that may be null is told so.
  Keeps<millrace.ConsumerRecord<string | null, Order>, Records>,
  // @ts-expect-error
  Keeps<millrace.Decoder<string | null>, millrace.Decoder<string>>,
  // @ts-expect-error Options that are durable have a name.
  Keeps<{ window: "1s" }, millrace.WindowOptions>,
  // @ts-expect-error
  Keeps<"NO_SUCH_CODE", millrace.ErrorCode>,
];
