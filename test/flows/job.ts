import { type DStream, defineJob, json, KafkaUtils } from "millrace";
import { defineSink } from "millrace/sinks";
import { flows } from "./flows.ts";

const unused = async () => {
  throw new Error("a job under test uses no sink");
};
const nowhere = defineSink({ open: unused, fence: unused, close: unused, commitPartition: unused });

/** Any of the flows, as a job: its inputs are topics, and what it gives is saved as "output". */
export default defineJob(
  { appName: "flows", batchInterval: "1s", module: import.meta.url, params: { flow: "" } },
  (ssc, params) => {
    const flow = flows.find(({ name }) => name === params.flow);
    if (flow === undefined) throw new Error(`no flow "${params.flow}"`);
    const streams = Object.keys(flow.inputs).map((topic) => {
      const records = KafkaUtils.createDirectStream(
        ssc,
        [topic],
        { "bootstrap.servers": "nowhere:9092" },
        { valueDecoder: json<never>() },
      );
      return [topic, records.map(({ value }) => value) as DStream<never>] as const;
    });
    flow.build(Object.fromEntries(streams), ssc).saveTo(nowhere, { name: "output" });
  },
);
