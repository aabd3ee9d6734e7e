import { type Decoder, KafkaUtils, StreamingContext } from "millrace";
import { bootstrapServers } from "./kafka.ts";

/** All values of a topic, as a job in this process sees them. Rejects as its awaitTermination does. */
export async function valuesOf<T>(topic: string, valueDecoder: Decoder<T>): Promise<T[]> {
  const ssc = new StreamingContext({
    appName: "read",
    batchInterval: "20ms",
    trigger: "availableNow",
    taskMaxFailures: 1,
  });
  const params = { "bootstrap.servers": bootstrapServers(), "auto.offset.reset": "earliest" } as const;
  const values: T[] = [];
  KafkaUtils.createDirectStream(ssc, [topic], params, { valueDecoder })
    .map(({ value }) => value)
    .foreachRDD(async (rdd) => void values.push(...(await rdd.collect())));
  await ssc.start();
  await ssc.awaitTermination();
  return values;
}
