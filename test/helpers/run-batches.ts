import { type DStream, defineJob, type EngineOptions, type JobContext, runJob } from "millrace";

export interface RunBatchesOptions extends EngineOptions {
  /** Of the stream that the batches come in by. @default 1 */
  readonly numPartitions?: number;
}

/** Runs a piece of a graph over plain batches, in this process, without Kafka or a clock: one list of outputs per batch. */
export async function runBatches<T, U>(
  batches: readonly Iterable<T>[],
  pipeline: (stream: DStream<T>, ssc: JobContext) => DStream<U>,
  { numPartitions = 1, ...options }: RunBatchesOptions = {},
): Promise<U[][]> {
  const outputs: U[][] = [];
  await runGraph((ssc) => {
    pipeline(ssc.queueStream(batches, { numPartitions }), ssc).foreachRDD(async (rdd) => {
      outputs.push(await rdd.collect());
    });
  }, options);
  return outputs;
}

/** Runs a graph in this process until there is nothing more to do. */
export async function runGraph(build: (ssc: JobContext) => void, options: EngineOptions = {}): Promise<void> {
  const job = defineJob({ appName: "test", batchInterval: 20, master: "local", trigger: "availableNow" }, build);
  const running = await runJob(job, options);
  await running.awaitTermination();
}

/** What one batch over these values gives. */
export async function runBatch<T, U>(
  values: Iterable<T>,
  pipeline: (stream: DStream<T>, ssc: JobContext) => DStream<U>,
  options: RunBatchesOptions = {},
): Promise<U[]> {
  const outputs = await runBatches([values], pipeline, options);
  return outputs.flat(1) as U[];
}
