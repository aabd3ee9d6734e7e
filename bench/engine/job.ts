import { type BatchRDD, type DStream, defineJob, json, KafkaUtils, required, utf8 } from "millrace";
import type { PageView } from "../data/records.ts";
import { LONG_LINE, type Workload } from "../workloads.ts";

/** The workloads as a user of millrace would write them. One batch holds the whole topic, and each output reads it again. */

export interface Params {
  readonly brokers: string;
  readonly topic: string;
  readonly workload: Workload;
  readonly passes: number;
}

type Result = number | [string, number][];
type Compute = () => Promise<Result>;

/** What the driver does with each pass; the driver's own process sets it. */
let onPass: (compute: Compute) => Promise<void> = async () => {};

export function setOnPass(f: typeof onPass): void {
  onPass = f;
}

const job = defineJob(
  {
    appName: "bench",
    batchInterval: "1s",
    module: import.meta.url,
    params: { brokers: "", topic: "", workload: "count", passes: 1 } as Params & Record<string, string | number>,
  },
  (ssc, { brokers, topic, workload, passes }) => {
    const kafkaParams = { "bootstrap.servers": brokers, "auto.offset.reset": "earliest" } as const;
    const pass = <T>(stream: DStream<T>, compute: (rdd: BatchRDD<T>) => Promise<Result>) =>
      stream.foreachRDD((rdd) => onPass(() => compute(rdd)));

    if (workload === "json") {
      const views = KafkaUtils.createDirectStream(ssc, [topic], kafkaParams, { valueDecoder: json<PageView>() });
      for (let i = 0; i < passes; i++) {
        const msPerCountry = views.map(({ value }) => [value.country, value.ms]).reduceByKey((a, b) => a + b);
        pass(msPerCountry, (rdd) => rdd.collect());
      }
      return;
    }
    const lines = KafkaUtils.createDirectStream(ssc, [topic], kafkaParams, { valueDecoder: required(utf8) });
    for (let i = 0; i < passes; i++) {
      if (workload === "count") {
        const lengths = lines.map(({ value }) => value.length).filter((length) => length > LONG_LINE);
        pass(lengths, (rdd) => rdd.count());
      } else {
        const counts = lines
          .flatMap(({ value }) => value.split(" "))
          .map((word) => [word, 1])
          .reduceByKey((a, b) => a + b);
        pass(counts, (rdd) => rdd.collect());
      }
    }
  },
);

export default job;
