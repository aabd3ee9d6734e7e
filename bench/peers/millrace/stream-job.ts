import { defineJob, KafkaUtils, required, type StreamingListener, utf8 } from "millrace";
import { kafka } from "millrace/sinks";
import { LONG_LINE } from "../../workloads.ts";

/** Window, state and copy as a user of millrace would write them. */

let listener: StreamingListener = {};
let digests: string[] = [];

/** The driver's own process sets it before each pass. */
export function observePass(given: StreamingListener): void {
  listener = given;
  digests = [];
}

/** Of all that the pass computed. */
export const digestOfPass = (): string => digests.join("");

export default defineJob(
  {
    appName: "bench-stream",
    batchInterval: "1s",
    module: import.meta.url,
    params: { brokers: "", topic: "", workload: "", batches: 1, outputTopic: "" },
  },
  (ssc, { brokers, topic, outputTopic }) => {
    ssc.addStreamingListener(listener);
    const kafkaParams = { "bootstrap.servers": brokers, "auto.offset.reset": "earliest" } as const;
    KafkaUtils.createDirectStream(ssc, [topic], kafkaParams, { valueDecoder: required(utf8) })
      .filter(({ value }) => value.length > LONG_LINE)
      .saveTo(
        kafka({ kafkaParams: { "bootstrap.servers": brokers }, topic: outputTopic, value: ({ value }) => value }),
        {
          name: "copy",
        },
      );
  },
);
