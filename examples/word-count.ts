/** Counts the words of each batch of a topic: a plain script, in this process. `word-count.ts [topic]`, by default `lines`. */
import { KafkaUtils, required, StreamingContext, utf8 } from "millrace";

const topic = process.argv[2] ?? "lines";
const kafkaParams = {
  "bootstrap.servers": process.env.KAFKA_BROKERS ?? "localhost:9092",
  "auto.offset.reset": "earliest",
} as const;

const ssc = new StreamingContext({ appName: "word-count", batchInterval: "1s" });
const lines = KafkaUtils.createDirectStream(ssc, [topic], kafkaParams, { valueDecoder: required(utf8) });

lines
  .flatMap(({ value }) => value.split(/\s+/).filter((word) => word !== ""))
  .map((word) => [word, 1])
  .reduceByKey((a, b) => a + b)
  .transform((counts) => counts.top(10, ([, count]) => count))
  .pprint();

await ssc.start();
process.once("SIGINT", () => ssc.stop());
process.stdout.on("error", () => ssc.stop()); // who reads it has seen enough, like head
await ssc.awaitTermination();
