import { defineJob, KafkaUtils } from "millrace";

/** The counts of all keys, one map for each batch; only the driver's copy is filled. */
export const counts: Map<string, number>[] = [];

/** How often each line was read, ever. */
export default defineJob(
  {
    appName: "spark-checkpoint-tests",
    batchInterval: "500ms",
    trigger: "availableNow",
    module: import.meta.url,
    params: { brokers: "", topic: "" },
  },
  (ssc, { brokers, topic }) => {
    const params = { "bootstrap.servers": brokers, "auto.offset.reset": "earliest" } as const;
    KafkaUtils.createDirectStream(ssc, [topic], params)
      .map(({ value }) => [value ?? "", 1])
      .updateStateByKey<number>((ones, count = 0) => ones.reduce((a, b) => a + b, count), { name: "counts" })
      .foreachRDD(async (rdd) => void counts.push(await rdd.collectAsMap()));
  },
);
