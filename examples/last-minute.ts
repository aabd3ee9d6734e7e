/**
 * The views of each country in the last minute, every ten seconds, in a SQLite table: a window over batches, each view in it exactly once
 * whatever crashes.
 *
 *     npx millrace run last-minute.ts --param brokers=localhost:9092
 */
import { type Duration, defineJob, json, KafkaUtils } from "millrace";
import { sqlite } from "millrace/sinks";

interface PageView {
  country: string;
  ms: number;
}

export default defineJob(
  {
    appName: "last-minute",
    batchInterval: "1s",
    checkpointDirectory: "last-minute-checkpoint",
    params: {
      brokers: process.env.KAFKA_BROKERS ?? "localhost:9092",
      topic: "page-views",
      database: "last-minute.sqlite",
      window: "1m" as Duration,
      slide: "10s" as Duration,
    },
  },
  (ssc, { brokers, topic, database, window, slide }) => {
    KafkaUtils.createDirectStream(
      ssc,
      [topic],
      { "bootstrap.servers": brokers, "auto.offset.reset": "earliest" },
      { valueDecoder: json<PageView>() },
    )
      .map(({ value }) => [value.country, { views: 1, ms: value.ms }])
      // What was added per slide is kept as state, under this name. The inverse takes off what leaves the window.
      .reduceByKeyAndWindow((a, b) => ({ views: a.views + b.views, ms: a.ms + b.ms }), {
        name: "last-minute",
        window,
        slide,
        inverse: (a, b) => ({ views: a.views - b.views, ms: a.ms - b.ms }),
        filter: (_country, { views }) => views > 0,
      })
      .saveTo(
        sqlite({
          path: database,
          table: "last_minute",
          setup: `create table if not exists last_minute
            (until integer, country text, views integer, ms_on_average real, primary key (until, country))`,
          row: ([country, { views, ms }], { batchTime }) => ({
            until: batchTime,
            country,
            views,
            ms_on_average: ms / views,
          }),
          upsertBy: ["until", "country"],
        }),
        { name: "last-minute" },
      );
  },
);
