/** The public names of millrace, each with the sentence that matters most. Everything else is internal. */

export type { DecodeContext, DecodeFunction, Decoder, StandardSchemaV1 } from "./decoders/index.ts";
/** From bytes to values. */
export { bytes, json, nullable, required, utf8 } from "./decoders/index.ts";
/** Undefined on the driver. */
export { executorId } from "./executor/identity.ts";
/** Connections, models and caches: one per thread. */
export { resource } from "./executor/resource.ts";
/** A batch's data seen from the driver. */
export { BatchRDD, type Stats } from "./graph/batch-rdd.ts";
/** A sequence of RDDs, one per batch. */
export { DStream, type StatefulDStream } from "./graph/dstream.ts";
/** What `histogram` gives. */
export type { Histogram } from "./graph/histogram.ts";
/** What a build function gets. */
export type { JobContext } from "./graph/job-context.ts";
export type { Folded, KeyOf, Named, Pair, ShuffleOptions, ValueOf } from "./graph/pair.ts";
/** A plan over a bounded set of values. */
export { RDD } from "./graph/rdd.ts";
/** What all tasks share. */
export type { Accumulator, Broadcast } from "./graph/shared-variables.ts";
export type { MapWithStateOptions, StateOptions, UpdateStateOptions } from "./graph/stateful.ts";
export type { WindowOptions } from "./graph/windows.ts";
/** A job: a name, options and a function that builds the graph. */
export type { FailurePolicy } from "./job/failure-policy.ts";
export { defineJob, type Job } from "./job/job.ts";
/** Options of jobs and of the engine. */
export type { EngineOptions, JobOptions, Master, ParamValue } from "./job/options.ts";
export type { BackpressureOptions } from "./job/rate-options.ts";
export type { KafkaParams, SaslOptions } from "./kafka/kafka-params.ts";
/** Direct streams and fixed ranges of Kafka. */
export { type DirectStreamOptions, KafkaUtils, type TopicOffsets, type TopicSelection } from "./kafka/kafka-utils.ts";
/** What happens to records that cannot be decoded. */
export type { DecodeErrorHandler, DecodeFailure, OnDecodeError } from "./kafka/reading/decodable.ts";
/** One Kafka message. */
export { ConsumerRecord, type Header } from "./model/consumer-record.ts";
export type { Duration, Time } from "./model/duration.ts";
/** Every error of the engine. */
export { type ErrorCode, type ErrorPlace, MillraceError } from "./model/errors.ts";
export type {
  BatchInfo,
  DataLoss,
  InputInfo,
  Logger,
  OutputInfo,
  OutputOperationInfo,
  PartitionLag,
  RecordsSkipped,
  StreamingListener,
  TaskFailure,
} from "./model/events.ts";
/** A slice of a topic-partition. */
export { OffsetRange, type TopicPartition } from "./model/offset-range.ts";
export type { PartitionRates } from "./model/partition-rates.ts";
export type { BatchContext, TaskContext } from "./model/plan.ts";
export type { OffsetsByTopic, SourceProgress, StepDurations, StreamProgress } from "./model/progress.ts";
export type { TlsOptions } from "./model/tls-options.ts";
export type { Orderable } from "./operators/order.ts";
/** The records of one partition, as they arrive. */
export type { Partition } from "./operators/partition.ts";
/** Starts a job on threads or in this process. */
export { type RunningJob, type RunOptions, runJob } from "./run-job.ts";
/** The state of one key, for mapWithState. */
export type { State } from "./state/map-with-state.ts";
/** A plain script, in this process. */
export { StreamingContext, type StreamingContextOptions } from "./streaming-context.ts";
