/**
 * Reads a topic again between fixed offsets, once, without a stream: to recount a day, or to repair what a batch wrote.
 * `fixed-ranges.ts topic fromOffset untilOffset [partition ...]`, by default partition 0.
 */
import { KafkaUtils, OffsetRange, required, StreamingContext, utf8 } from "millrace";

const [topic = "lines", fromOffset = "0", untilOffset = "100", ...partitions] = process.argv.slice(2);
const ranges: OffsetRange[] = (partitions.length > 0 ? partitions : ["0"]).map((partition) => ({
  topic,
  partition: Number(partition),
  fromOffset: Number(fromOffset),
  untilOffset: Number(untilOffset), // exclusive
}));

const ssc = new StreamingContext({ appName: "fixed-ranges", batchInterval: "1s" });
const values = KafkaUtils.createRDD(
  ssc,
  { "bootstrap.servers": process.env.KAFKA_BROKERS ?? "localhost:9092" },
  ranges, // each is one task
  { valueDecoder: required(utf8) },
).map(({ value }) => value);
const longest = values.top(3, (value) => value.length);

// A context without streams ends when this has.
ssc.onDriver(async () => {
  const count = await values.count();
  console.log(`${count} records of ${values.offsetRanges().map(OffsetRange.format).join(", ")}; the longest:`);
  for (const value of await longest.collect()) console.log(value);
});

await ssc.start();
await ssc.awaitTermination();
