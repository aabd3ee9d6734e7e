import { crc32 } from "node:zlib";
import { KafkaUtils, required, StreamingContext, utf8 } from "millrace";

/** How many committed records a topic holds, and the sum of their checksums: the same for the same records in any order. */
export async function digestOfTopic(bootstrap: string, topic: string): Promise<string> {
  const ssc = new StreamingContext({ appName: "bench-check", batchInterval: "1s", trigger: "availableNow" });
  let count = 0;
  let sum = 0;
  KafkaUtils.createDirectStream(
    ssc,
    [topic],
    { "bootstrap.servers": bootstrap, "auto.offset.reset": "earliest", "isolation.level": "read_committed" },
    { valueDecoder: required(utf8) },
  )
    .flatMap(({ value }) => [
      ["count", 1],
      ["sum", crc32(value)],
    ])
    .reduceByKey((a, b) => a + b)
    .foreachRDD(async (rdd) => {
      for (const [what, n] of await rdd.collect()) {
        if (what === "count") count += n;
        else sum += n;
      }
    });
  await ssc.start();
  await ssc.awaitTermination();
  return `${count} records, sum of CRC-32 ${sum}`;
}
