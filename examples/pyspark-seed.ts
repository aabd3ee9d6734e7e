/** The ten lines of PySpark that this project grew from, each beside its original. `pyspark-seed.ts [topic]`, by default `page-views`. */

// from pyspark.streaming import StreamingContext
// from pyspark.streaming.kafka import KafkaUtils
import { KafkaUtils, OffsetRange, StreamingContext } from "millrace";

const brokers = process.env.KAFKA_BROKERS ?? "localhost:9092";
const topic = process.argv[2] ?? "page-views";

// ssc = StreamingContext(sc, 2)
const ssc = new StreamingContext({ appName: "seed", batchInterval: "2s" });

// kafkaParams = {"metadata.broker.list": brokers, "auto.offset.reset": "smallest"}
const kafkaParams = { "metadata.broker.list": brokers, "auto.offset.reset": "smallest" } as const;

// stream = KafkaUtils.createDirectStream(ssc, [topic], kafkaParams)
const stream = KafkaUtils.createDirectStream(ssc, [topic], kafkaParams);

// def handle(time, rdd):
//     print(time, rdd.count(), rdd.offsetRanges())
// stream.foreachRDD(handle)
stream.foreachRDD(async (rdd, time) => {
  console.log(new Date(time).toISOString(), await rdd.count(), rdd.offsetRanges().map(OffsetRange.format));
});

// ssc.start()
await ssc.start();
process.once("SIGINT", () => ssc.stop()); // PySpark: KeyboardInterrupt, then ssc.stop(stopGraceFully=True)

// ssc.awaitTermination()
await ssc.awaitTermination();
