import { defineJob } from "millrace";
import { basicOperations } from "./basic-operations.ts";
import { otherFlows } from "./other-flows.ts";
import { windowFunctions } from "./window-functions.ts";

export const suites = { basicOperations, windowFunctions, otherFlows };

/** What each flow gave, batch by batch, of batches that gave something. Only the driver's copy is filled. */
export const results = new Map<string, unknown[][]>();

/** One of the flows of a suite, or all of them beside each other. */
export default defineJob(
  {
    appName: "spark-tests",
    batchInterval: "500ms",
    module: import.meta.url,
    params: { suite: "basicOperations", only: "", directory: "" },
  },
  (ssc, params) => {
    for (const { name, build } of suites[params.suite as keyof typeof suites]) {
      if (params.only !== "" && params.only !== name) continue;
      // On local the executor builds the graph in this process too.
      results.set(name, []);
      build(ssc, params).foreachRDD(async (rdd) => {
        const values = await rdd.collect();
        if (values.length > 0) results.get(name)!.push(values);
      });
    }
  },
);
