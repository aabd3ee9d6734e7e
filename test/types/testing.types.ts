/** What the types of the testing kit give and refuse. Compiled by `npm run check`, never run. */
import { type BatchInfo, type DStream, defineJob, type JobContext } from "millrace";
import { runPipeline, testJob } from "millrace/testing";
import { expectType } from "./expect-type.ts";

export async function aPipelineIsTypedByItsValues(): Promise<void> {
  expectType<string[][]>().of(await runPipeline([["a"], []], (words) => words));
  expectType<[string, number][][]>().of(await runPipeline([["a"], []], (words) => words.countByValue()));
  expectType<{ n: number }[][]>().of(await runPipeline([[{ n: 1 }]], (values) => values.filter(({ n }) => n > 0)));
  expectType<(string | null)[][]>().of(await runPipeline([["a", null]], (values) => values));
  expectType<number[][]>().of(await runPipeline([new Set([1])], (values, ssc: JobContext) => ssc.union(values)));
}

export async function arraysOfTwoArePairs(): Promise<void> {
  const sums = await runPipeline([[["a", 1]], []], (pairs) => pairs.reduceByKey((a, b) => a + b));
  expectType<[string, number][][]>().of(sums);
  const typed: [string, Date][][] = [[["a", new Date(0)]]];
  expectType<[string, Date[]][][]>().of(await runPipeline(typed, (pairs) => pairs.groupByKey()));
}

export async function inputsWithNamesAreTypedEach(): Promise<void> {
  const lengths = await runPipeline(
    { views: [["a"]], clicks: [[["a", 1]]] },
    ({ views, clicks }: { views: DStream<string>; clicks: DStream<[string, number]> }) =>
      clicks.map(([, n]) => n).union(views.map(({ length }) => length)),
  );
  expectType<number[][]>().of(lengths);
  const pairs = await runPipeline({ views: [["a"]], clicks: [[["a", 1]]] }, ({ views, clicks }) =>
    views.map((view) => [view, 1]).union(clicks.mapValues((n) => n + 1)),
  );
  expectType<[string, number][][]>().of(pairs);
  // @ts-expect-error There is no such input.
  await runPipeline({ views: [["a"]] }, ({ clicks }) => clicks);
}

export async function aPipelineGivesAStream(): Promise<void> {
  // @ts-expect-error A number is no stream.
  await runPipeline([[1]], () => 5);
  // @ts-expect-error Batches are lists of lists.
  await runPipeline([1, 2], (numbers) => numbers);
}

const job = defineJob({ appName: "a", batchInterval: "1s", params: { minimum: 1, topic: "a" } }, () => {});

export async function aTestRunIsTypedByItsJob(): Promise<void> {
  await using run = await testJob(job, {
    topics: { a: { partitions: 2 } },
    params: { minimum: 5 },
    master: "local[2]",
  });
  run.send("a", [
    { key: "k", value: { n: 1 } },
    { value: null, partition: 1, timestamp: 5 },
  ]);
  expectType<BatchInfo>().of(await run.tick());
  expectType<[string, number][]>().of(run.output<[string, number]>("sums"));
  await run.restart(job);
  // @ts-expect-error The job has no such parameter.
  await testJob(job, { topics: {}, params: { maximum: 5 } });
  // @ts-expect-error A number is no value of a record.
  run.send("a", [{ value: 5 }]);
  // @ts-expect-error There is no such border.
  await run.crash("after lunch");
}
