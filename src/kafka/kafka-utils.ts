import { type Decoder, resolveDecoder, utf8 } from "../decoders/index.ts";
import type { DStream } from "../graph/dstream.ts";
import type { JobContext } from "../graph/job-context.ts";
import type { RDD } from "../graph/rdd.ts";
import type { ConsumerRecord } from "../model/consumer-record.ts";
import type { Time } from "../model/duration.ts";
import { MillraceError } from "../model/errors.ts";
import { type OffsetRange, splitRanges } from "../model/offset-range.ts";
import {
  type Check,
  checkedLater,
  checkOptions,
  isBoolean,
  isInteger,
  isObject,
  isText,
  shown,
} from "../model/options.ts";
import { DirectStreamPlanner } from "./direct-stream.ts";
import { checkRanges, FixedRangesPlanner } from "./fixed-ranges.ts";
import { type KafkaParams, type ResolvedKafkaParams, resolveKafkaParams } from "./kafka-params.ts";
import { KafkaSource } from "./kafka-source.ts";
import type { OnDecodeError } from "./reading/decodable.ts";
import type { TopicOffsets, TopicSelection } from "./subscription.ts";
import { checkSelection, nameOfSelection, namesOf } from "./topic-selection.ts";

export type { TopicOffsets, TopicSelection } from "./subscription.ts";

export interface DirectStreamOptions<K, V> {
  /** @default utf8 */
  keyDecoder?: Decoder<K> | undefined;
  /** @default utf8 */
  valueDecoder?: Decoder<V> | undefined;
  /** Where to start, by topic and partition. Wins over the options below, which the partitions left out follow; loses to a checkpoint. */
  fromOffsets?: TopicOffsets | undefined;
  /** Starts at the first record of that time or later, in milliseconds; at the end where there is none. */
  startingTimestamp?: Time | undefined;
  /** Starts where the group "group.id" has committed; by "auto.offset.reset" where it has not. The group is not joined. @default false */
  startFromGroup?: boolean | undefined;
  /**
   * Commits the offsets of complete batches to the group "group.id": for lag monitors, and for `startFromGroup`. Nothing else depends on it:
   * beside the batches, one at a time, a warning when it fails. Spark: `commitAsync`. @default false
   */
  commitToGroup?: boolean | undefined;
  /**
   * What happens when records are gone before they were read: expired, cut off by an unclean leader election, or their topic or partition
   * deleted or created again. `true`: the stream fails with OFFSETS_LOST. `false`: it tells `onDataLoss`, and goes on with what is there
   * ("auto.offset.reset": the first record, or with "latest" the end). @default true
   */
  failOnDataLoss?: boolean | undefined;
  /** Durable, like every name. Needed when two streams read the same topics. @default the topics */
  name?: string | undefined;
  /**
   * What happens to a record that cannot be decoded. "fail": its task fails, once somebody asks for the key or value. "skip": it is left
   * out. A function is told of it first, as for a dead letter topic. Any policy but "fail" decodes key and value of every record at once; what is left
   * out is counted, and told by `onRecordsSkipped`. @default "fail"
   */
  onDecodeError?: OnDecodeError | undefined;
  /** Splits ranges until there are this many tasks. Order across the parts of a partition is then not kept. */
  minPartitions?: number | undefined;
}

const isDecodePolicy: Check = (value) =>
  value === "fail" || value === "skip" || typeof value === "function"
    ? undefined
    : 'must be "fail", "skip" or a function';

const isOffsetsByTopic: Check = (value) =>
  isObject(value) === undefined && Object.values(value as object).every((offsets) => isObject(offsets) === undefined)
    ? undefined
    : "must be offsets by topic and partition: { topic: { 0: 120, 1: 98 } }";

const RDD_CHECKS = {
  keyDecoder: checkedLater,
  valueDecoder: checkedLater,
  onDecodeError: isDecodePolicy,
  minPartitions: isInteger(1, 10_000),
};

const STREAM_CHECKS = {
  ...RDD_CHECKS,
  fromOffsets: isOffsetsByTopic,
  startingTimestamp: isInteger(0),
  startFromGroup: isBoolean,
  commitToGroup: isBoolean,
  failOnDataLoss: isBoolean,
  name: isText,
};

/** Spark: `pyspark.streaming.kafka.KafkaUtils`. */
export const KafkaUtils = {
  /**
   * No receiver, no consumer group: each batch reads the offsets that the driver cut for it, straight from the leaders. One task per
   * topic-partition. The first offsets are found when the stream starts.
   * @throws BAD_OPTION here; TOPIC_NOT_FOUND, NO_LEADER, OFFSETS_LOST, BROKER_UNREACHABLE at the start
   */
  createDirectStream<K = string | null, V = string | null>(
    ssc: JobContext,
    topics: TopicSelection,
    kafkaParams: KafkaParams,
    options: DirectStreamOptions<K, V> = {},
  ): DStream<ConsumerRecord<K, V>> {
    requireContext("createDirectStream", ssc);
    checkSelection(topics);
    checkOptions("createDirectStream", options, STREAM_CHECKS);
    const params = resolveKafkaParams(kafkaParams, ssc.brokers);
    const { fromOffsets, startingTimestamp, failOnDataLoss = true, minPartitions, onDecodeError = "fail" } = options;
    const groups = groupsOf(options, params);
    const names = namesOf(topics);
    const plan = {
      topics,
      fromOffsets,
      startingTimestamp,
      failOnDataLoss,
      minPartitions,
      ...(ssc.brokers === undefined ? groups : NO_GROUPS),
    };
    const source = new KafkaSource<K, V>({
      name: options.name ?? nameOfSelection(topics),
      params,
      decoders: decodersOf(options),
      onDecodeError,
      topics: names instanceof RegExp ? [] : names,
      streaming: true,
      fixedRanges: undefined,
      failOnDataLoss,
      description: JSON.stringify([
        nameOfSelection(topics),
        params.autoOffsetReset,
        fromOffsets,
        startingTimestamp,
        minPartitions,
        ...describePolicy(onDecodeError),
      ]),
      planner: (cluster, warn) => new DirectStreamPlanner(cluster, plan, warn),
    });
    return ssc.streamOf("createDirectStream", source);
  },

  /**
   * Exactly these ranges, checked against the brokers before anything is read. One task per range.
   * @throws BAD_OPTION here; TOPIC_NOT_FOUND, OFFSETS_LOST, BROKER_UNREACHABLE at the first action
   */
  createRDD<K = string | null, V = string | null>(
    ssc: JobContext,
    kafkaParams: KafkaParams,
    offsetRanges: readonly OffsetRange[],
    options: Pick<DirectStreamOptions<K, V>, "keyDecoder" | "valueDecoder" | "onDecodeError" | "minPartitions"> = {},
  ): RDD<ConsumerRecord<K, V>> {
    requireContext("createRDD", ssc);
    checkRanges(offsetRanges);
    checkOptions("createRDD", options, RDD_CHECKS);
    const { onDecodeError = "fail" } = options;
    const ranges =
      options.minPartitions === undefined ? offsetRanges : splitRanges(offsetRanges, options.minPartitions);
    const source = new KafkaSource<K, V>({
      name: `ranges-${ssc.graph.nodes.length}`,
      params: resolveKafkaParams(kafkaParams, ssc.brokers),
      decoders: decodersOf(options),
      onDecodeError,
      topics: [],
      streaming: false,
      fixedRanges: ranges,
      failOnDataLoss: true,
      description: JSON.stringify([...ranges, ...describePolicy(onDecodeError)]),
      planner: (cluster) => new FixedRangesPlanner(cluster, ranges),
    });
    return ssc.rddOf("createRDD", source);
  },
};

/** @throws BAD_OPTION */
function requireContext(method: string, ssc: JobContext): void {
  if (ssc?.graph !== undefined) return;
  throw new MillraceError("BAD_OPTION", `${method} takes the context first; it got ${shown(ssc)}.`, {
    hint: `Give what the build function gets, or a StreamingContext: KafkaUtils.${method}(ssc, ...).`,
  });
}

/** Nothing for the default, so that a stream without the option is what it was before there was one. */
const describePolicy = (policy: OnDecodeError) =>
  policy === "fail" ? [] : [typeof policy === "function" ? "handled" : policy];

/** A job under test has none. */
const NO_GROUPS = { startFrom: undefined, commitTo: undefined };

/** Which groups are asked where to start, and told how far the stream has come. @throws BAD_OPTION */
function groupsOf<K, V>(
  { startFromGroup = false, commitToGroup = false, startingTimestamp }: DirectStreamOptions<K, V>,
  { groupId }: ResolvedKafkaParams,
): { startFrom: string | undefined; commitTo: string | undefined } {
  if ((startFromGroup || commitToGroup) && groupId === undefined) {
    const option = startFromGroup ? "startFromGroup" : "commitToGroup";
    throw new MillraceError("BAD_OPTION", `createDirectStream: "${option}" needs to know which group.`, {
      hint: 'Set "group.id" in kafkaParams.',
    });
  }
  if (startFromGroup && startingTimestamp !== undefined) {
    const message =
      'createDirectStream: "startingTimestamp" and "startFromGroup" both say where every partition starts.';
    throw new MillraceError("BAD_OPTION", message, { hint: "Keep one of them." });
  }
  return { startFrom: startFromGroup ? groupId : undefined, commitTo: commitToGroup ? groupId : undefined };
}

/** The default fits the type parameters' default; whoever names other types gives the decoder too. */
function decodersOf<K, V>({ keyDecoder, valueDecoder }: DirectStreamOptions<K, V>) {
  return {
    key: resolveDecoder(keyDecoder === undefined ? (utf8 as Decoder<unknown> as Decoder<K>) : keyDecoder),
    value: resolveDecoder(valueDecoder === undefined ? (utf8 as Decoder<unknown> as Decoder<V>) : valueDecoder),
  };
}
