/**
 * Page views per country, counted on every core and kept in a SQLite table, each view exactly once. `npm start` shows it at work. To run the
 * job alone against a topic of yours:
 *
 *     node --conditions=millrace-source examples/page-views/job.ts
 */
import { defineJob, json, KafkaUtils, OffsetRange, runJob, type State } from "millrace";
import { sqlite } from "millrace/sinks";

export interface PageView {
  user: string;
  page: string;
  country: string;
  /** How long the page was looked at. */
  ms: number;
  timestamp: number;
}

const job = defineJob(
  {
    appName: "page-views",
    batchInterval: "1s",
    module: import.meta.url, // executors import this file and build the same graph
    params: {
      brokers: process.env.KAFKA_BROKERS ?? "localhost:9092",
      topic: "page-views",
      database: "page-views.sqlite",
    },
  },
  (ssc, { brokers, topic, database }) => {
    const views = KafkaUtils.createDirectStream(
      ssc,
      [topic],
      { "bootstrap.servers": brokers, "auto.offset.reset": "earliest" },
      { valueDecoder: json<PageView>() },
    );

    views
      .map(({ value }) => [value.country, 1]) // on the executors, one task per partition of the topic
      .reduceByKey((a, b) => a + b) // there too: first within each task, then by country
      .mapWithState(addUp, { name: "views-per-country" }) // what was counted before this batch
      .saveTo(perCountry(database), { name: "views-per-country" }); // on the driver, one transaction per batch
  },
);
export default job;

function addUp(country: string, views: number | undefined, total: State<number>): [country: string, views: number] {
  total.update((total.get() ?? 0) + (views ?? 0));
  return [country, total.get() ?? 0];
}

function perCountry(path: string) {
  return sqlite<[country: string, views: number]>({
    path,
    table: "views_per_country",
    setup: "create table if not exists views_per_country (country text primary key, views integer not null)",
    row: ([country, views]) => ({ country, views }),
    upsertBy: ["country"],
  });
}

if (import.meta.main) {
  await using running = await runJob(job, {
    master: "local[*]",
    checkpointDirectory: "page-views-checkpoint", // run it again, and it goes on where it stood
    handleSignals: true,
  });
  running.addStreamingListener({
    onBatchCompleted: ({ batchTime, inputs }) => {
      const ranges = inputs.flatMap(({ offsetRanges }) => offsetRanges.map(OffsetRange.format));
      console.log(new Date(batchTime).toISOString(), ranges);
    },
  });
  await running.awaitTermination();
}
