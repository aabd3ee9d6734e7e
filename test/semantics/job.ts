import fc from "fast-check";
import { defineJob } from "millrace";
import { batchCount, build, type Case, cases } from "./pipelines.ts";

export interface Result {
  readonly given: Case;
  readonly expected: readonly (readonly string[])[];
  readonly outputs: unknown[][];
}

/** By the number of the pipeline. Filled on the driver. */
export const results = new Map<number, Result>();

/** As many random pipelines as are asked for, all in one job: threads take a second to start. */
export default defineJob(
  { appName: "pipelines", batchInterval: "1s", module: import.meta.url, params: { seed: 0, count: 0 } },
  (ssc, { seed, count }) => {
    for (const [i, given] of fc.sample(cases, { seed, numRuns: count }).entries()) {
      const { stream, expected } = build(given, ssc, `pipeline-${i}`);
      const outputs = Array.from({ length: batchCount }, (): unknown[] => []);
      results.set(i, { given, expected, outputs });
      stream.foreachRDD(async (rdd, time) => {
        outputs[time / 1_000 - 1] = await rdd.collect();
      });
    }
  },
);
