import { isJob, type Job } from "../job/job.ts";
import type { Master } from "../job/options.ts";
import { MillraceError } from "../model/errors.ts";
import { checkedLater, checkOptions, isObject, shown } from "../model/options.ts";
import { MemoryBroker } from "./broker/memory-broker.ts";
import { type MemoryTopic, memoryTopic, type TestRecord } from "./broker/memory-topics.ts";
import { TestRun } from "./test-run.ts";

export interface TestTopic {
  /** @default 1 */
  readonly partitions?: number | undefined;
  /** What is there before the job starts. A stream with "auto.offset.reset" latest, the default, leaves it out. */
  readonly records?: readonly TestRecord[] | undefined;
}

export interface TestJobOptions<P> {
  /** All topics there are. */
  topics: { readonly [topic: string]: TestTopic };
  /** Win over the defaults of defineJob. */
  params?: Partial<P> | undefined;
  /**
   * "local" runs tasks in this process, where module mocks and path aliases of the test runner apply. On "local[2]" executors load the
   * job's file through Node and see neither; the job needs `module: import.meta.url`. @default "local"
   */
  master?: Master | undefined;
  /** The first offset of a partition, where that is not 0: `{ orders: { 0: 1_000 } }`. */
  fromOffsets?: { readonly [topic: string]: { readonly [partition: number]: number } } | undefined;
}

/**
 * Starts a whole job on topics in memory and a clock you hold: one batch per `tick()`. Plans, offset ranges, decoders, tasks, retries and
 * restarts are those of production, with a checkpoint in memory; `saveTo` keeps what it is given for `output(name)`, and writes to no sink.
 * `await using run = await testJob(job, { topics: { orders: {} } })`
 * @throws BAD_OPTION, TOPIC_NOT_FOUND for a topic that is not in `topics`, and what starting the job throws
 */
export async function testJob<P>(job: Job<P>, options: TestJobOptions<P>): Promise<TestRun> {
  checkOptions("testJob", options, {
    topics: checkedLater,
    params: isObject,
    master: checkedLater,
    fromOffsets: isObject,
  });
  if (!isJob(job)) {
    throw new MillraceError("BAD_OPTION", `testJob takes a job; it got ${shown(job)}.`, {
      hint: "Give what defineJob returned: testJob(job, { topics: { orders: {} } }).",
    });
  }
  const { master = "local", params } = options;
  const topics = topicsOf(options);
  const broker = await MemoryBroker.start(topics);
  const run = new TestRun(topics, broker, { params, master });
  try {
    await run.restart(job);
    return run;
  } catch (error) {
    await broker[Symbol.asyncDispose]();
    throw error;
  }
}

function topicsOf({ topics: given, fromOffsets = {} }: TestJobOptions<unknown>): Map<string, MemoryTopic> {
  if (typeof given !== "object" || given === null) {
    throw new MillraceError("BAD_OPTION", "testJob needs the topics of the job.", {
      hint: "For example { topics: { orders: { partitions: 2 } } }.",
    });
  }
  const foreign = Object.keys(fromOffsets).find((name) => !Object.hasOwn(given, name));
  if (foreign !== undefined) {
    throw new MillraceError("BAD_OPTION", `testJob: fromOffsets names topic "${foreign}", which is not in topics.`, {
      hint: `Add it: { topics: { "${foreign}": {} } }.`,
    });
  }
  return new Map(
    Object.entries(given).map(([name, topic]) => {
      checkOptions(`Topic "${name}" of testJob`, topic, { partitions: checkedLater, records: checkedLater });
      const made = memoryTopic(name, topic.partitions ?? 1, fromOffsets[name]);
      for (const record of topic.records ?? []) made.append(record, 0);
      return [name, made];
    }),
  );
}
