import {
  type BatchRDD,
  type DStream,
  defineJob,
  type JobContext,
  KafkaUtils,
  type OffsetRange,
  type RDD,
} from "millrace";

/** What the driver saw. On local the executor's transform functions see their ranges in this process too. */
export const seen = { values: [] as unknown[], ranges: [] as (readonly OffsetRange[])[] };

interface Params {
  readonly brokers: string;
  readonly topic: string;
  /** How many records there are. */
  readonly count: number;
}

const stream = (ssc: JobContext, { brokers, topic }: Params) =>
  KafkaUtils.createDirectStream(ssc, [topic], { "bootstrap.servers": brokers, "auto.offset.reset": "smallest" });

const fixed = (ssc: JobContext, { brokers, topic, count }: Params) =>
  KafkaUtils.createRDD(ssc, { "bootstrap.servers": brokers }, [
    { topic, partition: 0, fromOffset: 0, untilOffset: count },
  ]);

const keepValues = (values: DStream<unknown>) =>
  values.foreachRDD(async (rdd) => void seen.values.push(...(await rdd.collect())));

const askOnDriver = (ssc: JobContext, rdd: RDD<unknown>) =>
  ssc.onDriver(async () => {
    seen.ranges.push(rdd.offsetRanges());
    seen.values.push(...(await rdd.collect()));
  });

const look = <R extends BatchRDD<unknown>>(rdd: R): R => {
  seen.ranges.push(rdd.offsetRanges());
  return rdd;
};

export const kafkaTests: { readonly [name: string]: (ssc: JobContext, params: Params) => void } = {
  kafka_direct_stream: (ssc, params) => keepValues(stream(ssc, params).map(({ value }) => value)),
  kafka_direct_stream_from_offset: (ssc, { brokers, topic }) =>
    keepValues(
      KafkaUtils.createDirectStream(
        ssc,
        [topic],
        { "bootstrap.servers": brokers },
        { fromOffsets: { [topic]: { 0: 0 } } },
      ).map(({ value }) => value),
    ),
  kafka_direct_stream_message_handler: (ssc, params) =>
    keepValues(stream(ssc, params).map(({ key, value }) => `${key ?? ""}${value}${value}`)),
  kafka_direct_stream_foreach_get_offsetRanges: (ssc, params) =>
    stream(ssc, params).foreachRDD((rdd) => void look(rdd)),
  kafka_direct_stream_transform_get_offsetRanges: (ssc, params) =>
    keepValues(
      stream(ssc, params)
        .transform(look)
        .map(({ value }) => value)
        .count(),
    ),
  kafka_rdd: (ssc, params) =>
    askOnDriver(
      ssc,
      fixed(ssc, params).map(({ value }) => value),
    ),
  kafka_rdd_message_handler: (ssc, params) =>
    askOnDriver(
      ssc,
      fixed(ssc, params).map(({ key, value }) => `${key ?? ""}${value}${value}`),
    ),
};

/** One of Spark's KafkaStreamTests, picked by name. */
export default defineJob(
  {
    appName: "spark-kafka-tests",
    batchInterval: "1s",
    trigger: "availableNow",
    module: import.meta.url,
    params: { test: "", brokers: "", topic: "", count: 0 },
  },
  (ssc, params) => kafkaTests[params.test]!(ssc, params),
);
