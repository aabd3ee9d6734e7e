import { type DStream, defineJob, type EngineOptions, type JobContext, runJob } from "millrace";
import { type PipelineOptions, runPipeline } from "millrace/testing";

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
  options?: PipelineOptions,
): Promise<U[]> {
  const [outputs] = await runPipeline([values] as never[][], pipeline as never, options);
  return outputs as U[];
}
