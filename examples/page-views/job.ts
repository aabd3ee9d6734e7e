/**
 * Page views per country, counted on every core. `npm start` shows it at work. To run the job alone against a topic of yours:
 *
 *     node --conditions=millrace-source examples/page-views/job.ts
 */
import { defineJob, json, KafkaUtils, OffsetRange, runJob } from "millrace";

export interface PageView {
  user: string;
  page: string;
  country: string;
  /** How long the page was looked at. */
  ms: number;
  timestamp: number;
}

/** Since the start. Only the driver's copy is filled, because foreachRDD's function runs there; each executor has a copy of its own. */
export const viewsPerCountry = new Map<string, number>();

const job = defineJob(
  {
    appName: "page-views",
    batchInterval: "1s",
    module: import.meta.url, // executors import this file and build the same graph
    params: { brokers: process.env.KAFKA_BROKERS ?? "localhost:9092", topic: "page-views" },
  },
  (ssc, { brokers, topic }) => {
    const views = KafkaUtils.createDirectStream(
      ssc,
      [topic],
      { "bootstrap.servers": brokers, "auto.offset.reset": "earliest" },
      { valueDecoder: json<PageView>() },
    );

    views
      .map(({ value }) => [value.country, 1]) // on the executors, one task per partition of the topic
      .reduceByKey((a, b) => a + b) // there too: first within each task, then by country
      .foreachRDD(async (rdd) => {
        // on the driver, once per batch
        for (const [country, views] of await rdd.collect()) {
          viewsPerCountry.set(country, (viewsPerCountry.get(country) ?? 0) + views);
        }
      });
  },
);
export default job;

if (import.meta.main) {
  await using running = await runJob(job, { master: "local[*]", handleSignals: true });
  running.addStreamingListener({
    onBatchCompleted: ({ batchTime, inputs }) => {
      const ranges = inputs.flatMap(({ offsetRanges }) => offsetRanges.map(OffsetRange.format));
      console.log(new Date(batchTime).toISOString(), viewsPerCountry, ranges);
    },
  });
  await running.awaitTermination();
}
