import { createHash } from "node:crypto";
import { type DStream, defineJob, KafkaUtils, required, type StreamingListener, utf8 } from "millrace";
import { kafka } from "millrace/sinks";
import { digestOf, LONG_LINE } from "../../workloads.ts";

/** Window, state and copy as a user of millrace would write them. */

let listener: StreamingListener = {};
let digests: string[] = [];

/** The driver's own process sets it before each pass. */
export function observePass(given: StreamingListener): void {
  listener = given;
  digests = [];
}

/** Of all that the pass computed. */
export function digestOfPass(): string {
  const all = digests.join("");
  return digests.length > 1 ? createHash("sha256").update(all).digest("hex") : all;
}

export default defineJob(
  {
    appName: "bench-stream",
    batchInterval: "1s",
    module: import.meta.url,
    params: { brokers: "", topic: "", workload: "", batches: 1, outputTopic: "" },
  },
  (ssc, { brokers, topic, workload, batches, outputTopic }) => {
    ssc.addStreamingListener(listener);
    const kafkaParams = { "bootstrap.servers": brokers, "auto.offset.reset": "earliest" } as const;
    const lines = KafkaUtils.createDirectStream(ssc, [topic], kafkaParams, { valueDecoder: required(utf8) }).map(
      ({ value }) => value,
    );
    if (workload === "window") wordsOfThreeBatches(lines);
    else if (workload === "state") runningTotals(lines, batches);
    else {
      lines
        .filter((line) => line.length > LONG_LINE)
        .saveTo(
          kafka({ kafkaParams: { "bootstrap.servers": brokers }, topic: outputTopic, value: (line: string) => line }),
          { name: "copy" },
        );
    }
  },
);

function wordsOfThreeBatches(lines: DStream<string>): void {
  lines
    .flatMap((line) => line.split(" "))
    .map((word) => [word, 1])
    .reduceByKeyAndWindow((a, b) => a + b, { name: "words", window: "3s" })
    .foreachRDD(async (rdd) => {
      digests.push(digestOf(await rdd.collect()));
    });
}

function runningTotals(lines: DStream<string>, batches: number): void {
  const totals = lines
    .map((line): [string, number] => {
      const space = line.indexOf(" ");
      return [line.slice(0, space), Number(line.slice(space + 1))];
    })
    .mapWithState<number, number>(
      (_user, amount, total) => {
        const sum = (total.get() ?? 0) + (amount ?? 0);
        total.update(sum);
        return sum;
      },
      { name: "totals" },
    );
  totals.foreachRDD(async (rdd) => {
    await rdd.count();
  });
  totals.stateSnapshots().foreachRDD(async (rdd, _time, { seq }) => {
    if (seq === batches) digests.push(digestOf(await rdd.collect()));
  });
}
