import { defineJob, KafkaUtils, required, utf8 } from "millrace";

/** Word count, or a count of all records whose text is not empty. */
export default defineJob(
  {
    appName: "scale",
    batchInterval: "1s",
    module: import.meta.url,
    params: { bootstrap: "", topic: "", work: "count" as "count" | "words" },
  },
  (ssc, { bootstrap, topic, work }) => {
    const kafkaParams = { "bootstrap.servers": bootstrap, "auto.offset.reset": "earliest" } as const;
    const lines = KafkaUtils.createDirectStream(ssc, [topic], kafkaParams, { valueDecoder: required(utf8) });
    if (work === "count") {
      lines.filter(({ value }) => value.length > 0).foreachRDD(async (rdd) => void (await rdd.count()));
    } else {
      lines
        .flatMap(({ value }) => value.split(" "))
        .map((word) => [word, 1])
        .reduceByKey((a, b) => a + b)
        .foreachRDD(async (rdd) => void (await rdd.collect()));
    }
  },
);
