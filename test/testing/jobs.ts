import { defineJob, type JobContext, type JobOptions, type KafkaParams, KafkaUtils, required, utf8 } from "millrace";

/** Of jobs under test: nobody listens there. */
export const kafka: KafkaParams = { "bootstrap.servers": "nowhere.invalid:9092", "auto.offset.reset": "earliest" };

export const order = (user: string, cents: number) => ({ key: user, value: { user, cents } });

/** A job that a test defines itself. */
export function job(build: (ssc: JobContext) => void, options: Partial<JobOptions<{}>> = {}) {
  return defineJob({ appName: "test", batchInterval: "1s", ...options }, build);
}

export const records = (ssc: JobContext, topic = "numbers") =>
  KafkaUtils.createDirectStream(ssc, [topic], kafka, { valueDecoder: required(utf8) });

export const values = (ssc: JobContext, topic = "numbers") => records(ssc, topic).map(({ value }) => Number(value));

export const numbers = (...list: number[]) => list.map((n) => ({ value: String(n) }));
