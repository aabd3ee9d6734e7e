/** What the types of jobs give and refuse. Compiled by `npm run check`, never run. */
import { defineJob, type Job, type JobContext, runJob } from "millrace";
import { expectType } from "./expect-type.ts";

export function paramsAreTypedByTheirDefaults(): void {
  const job = defineJob({ appName: "a", batchInterval: "1s", params: { topic: "t", limit: 5 } }, (ssc, params) => {
    expectType<JobContext>().of(ssc);
    expectType<Readonly<{ topic: string; limit: number }>>().of(params);
    // @ts-expect-error One copy for all: nobody changes it.
    params.topic = "other";
  });
  expectType<Job<{ topic: string; limit: number }>>().of(job);
  void runJob(job, { params: { limit: 6 } });
  // @ts-expect-error
  void runJob(job, { params: { limit: "6" } });
  // @ts-expect-error
  void runJob(job, { params: { unknown: 1 } });
}

export function durationsAndMastersAreWrittenOneWay(): void {
  defineJob({ appName: "a", batchInterval: 200 }, () => {});
  defineJob({ appName: "a", batchInterval: "1.5s", master: "local[4]" }, () => {});
  // @ts-expect-error
  defineJob({ appName: "a", batchInterval: "1 second" }, () => {});
  // @ts-expect-error
  defineJob({ appName: "a", batchInterval: "1s", master: "yarn" }, () => {});
  // @ts-expect-error A function does not travel: params are plain data.
  defineJob({ appName: "a", batchInterval: "1s", params: { f: () => 1 } }, () => {});
}

export function aBuildFunctionDescribesAndDoesNotStart(): void {
  defineJob({ appName: "a", batchInterval: "1s" }, (ssc) => {
    // @ts-expect-error
    ssc.start();
    // @ts-expect-error
    ssc.stop();
  });
}
