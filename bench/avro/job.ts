import { type Decoder, defineJob, json, KafkaUtils } from "millrace";
import { avro } from "millrace/avro";
import { PAGE_VIEW_SCHEMA, type PageView } from "../data/records.ts";

/** The same sum over the same records in each format, in turn, so that all meet the same noise. */

type Used = Pick<PageView, "country" | "ms">;

/** What only these fields need: the rest is skipped, not decoded. */
const TWO_FIELDS = {
  ...PAGE_VIEW_SCHEMA,
  fields: PAGE_VIEW_SCHEMA.fields.filter(({ name }) => name === "country" || name === "ms"),
};

export const formats = {
  json: { kind: "json", decoder: json<Used>() },
  avro: { kind: "avro", decoder: avro<Used>({ schema: PAGE_VIEW_SCHEMA }) },
  "avro, two fields": { kind: "avro", decoder: avro<Used>({ schema: PAGE_VIEW_SCHEMA, reader: TWO_FIELDS }) },
} as const satisfies { [name: string]: { kind: "json" | "avro"; decoder: Decoder<Used> } };

export type Format = keyof typeof formats;

/** What the driver does with each pass; the driver's own thread sets it. */
let onPass: (format: Format, compute: () => Promise<[string, number][]>) => Promise<void> = async () => {};

export function setOnPass(f: typeof onPass): void {
  onPass = f;
}

export default defineJob(
  {
    appName: "bench-avro",
    batchInterval: "1s",
    module: import.meta.url,
    params: { brokers: "", json: "", avro: "", passes: 1 },
  },
  (ssc, { brokers, passes, ...topics }) => {
    const kafkaParams = { "bootstrap.servers": brokers, "auto.offset.reset": "earliest" } as const;
    const sums = Object.entries(formats).map(([name, { kind, decoder }]) => {
      const options = { valueDecoder: decoder, name: name.replaceAll(/\W+/g, "-") };
      const views = KafkaUtils.createDirectStream(ssc, [topics[kind]], kafkaParams, options);
      return { format: name as Format, views };
    });
    for (let i = 0; i < passes; i++) {
      for (const { format, views } of sums) {
        views
          .map(({ value }) => [value.country, value.ms])
          .reduceByKey((a, b) => a + b)
          .foreachRDD((rdd) => onPass(format, () => rdd.collect()));
      }
    }
  },
);
