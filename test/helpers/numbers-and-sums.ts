import { setTimeout as delay } from "node:timers/promises";
import { type JobContext, KafkaUtils } from "millrace";
import type { Sink } from "millrace/sinks";

/** Of the jobs that {@link runKilledOnNumbers} kills. */
export const KILLED_JOB = { batchInterval: "50ms", maxRatePerPartition: 1000 } as const;

/** Longer than it takes to see that something was written, and to kill. */
const PAUSE_MS = 200;

/** Saves every number, and for each batch the sum of each remainder of 7. */
export function saveNumbersAndSums(
  ssc: JobContext,
  { brokers, topic }: { brokers: string; topic: string },
  sinks: { readonly numbers: Sink<number>; readonly sums: Sink<[remainder: number, sum: number]> },
): void {
  const numbers = KafkaUtils.createDirectStream(ssc, [topic], {
    "bootstrap.servers": brokers,
    "auto.offset.reset": "earliest",
  }).map(({ value }) => Number(value));
  numbers.saveTo(sinks.numbers, { name: "numbers" });
  // So that the kill hits a batch that is written, or half of it, and not complete: it runs again.
  numbers.foreachRDD(async (rdd) => {
    if (!(await rdd.isEmpty())) await delay(PAUSE_MS);
  });
  numbers
    .map((n) => [n % 7, n])
    .reduceByKey((a, b) => a + b)
    .saveTo(sinks.sums, { name: "sums" });
}
