import { defineJob, KafkaUtils } from "millrace";

/** Says when its first batch is planned, reads one record of it and ends. */
export default defineJob(
  {
    appName: "start-up",
    batchInterval: "1s",
    trigger: "availableNow",
    params: { brokers: "localhost:9092", topic: "t" },
  },
  (ssc, { brokers, topic }) => {
    ssc.addStreamingListener({ onBatchSubmitted: () => console.log("planned") });
    KafkaUtils.createDirectStream(ssc, [topic], {
      "bootstrap.servers": brokers,
      "auto.offset.reset": "earliest",
    }).foreachRDD(async (rdd) => {
      await rdd.first();
    });
  },
);
