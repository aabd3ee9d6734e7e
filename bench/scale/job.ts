import { defineJob, KafkaUtils, required, utf8 } from "millrace";

import { PARTITIONS } from "../data/topics.ts";
import type { ScaleHeat } from "./talk.ts";

/** Word count, a count of all records whose text is not empty, or how often each of a number of keys came, from its partition and offset. */
export default defineJob(
  {
    appName: "scale",
    batchInterval: "1s",
    module: import.meta.url,
    params: { bootstrap: "", topic: "", work: "count" as ScaleHeat["work"], keys: 0 },
  },
  (ssc, { bootstrap, topic, work, keys }) => {
    const kafkaParams = { "bootstrap.servers": bootstrap, "auto.offset.reset": "earliest" } as const;
    const lines = KafkaUtils.createDirectStream(ssc, [topic], kafkaParams, { valueDecoder: required(utf8) });
    if (work === "count") {
      lines.filter(({ value }) => value.length > 0).foreachRDD(async (rdd) => void (await rdd.count()));
    } else if (work === "state") {
      lines
        .map(({ partition, offset }) => [`key-${(offset * PARTITIONS + partition) % keys}`, 1])
        .mapWithState<number, undefined>(
          (_key, _one, times) => {
            times.update((times.get() ?? 0) + 1);
            return undefined;
          },
          { name: "times" },
        )
        .foreachRDD(() => {});
    } else {
      lines
        .flatMap(({ value }) => value.split(" "))
        .map((word) => [word, 1])
        .reduceByKey((a, b) => a + b)
        .foreachRDD(async (rdd) => void (await rdd.collect()));
    }
  },
);
