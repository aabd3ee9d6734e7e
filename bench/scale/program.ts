import { runJob } from "millrace";
import job from "./job.ts";
import type { BatchLine, ScaleHeat } from "./talk.ts";

/** millrace in a process of its own, with a line for each batch. */

const heat = JSON.parse(process.argv[2]!) as ScaleHeat;
const { bootstrap, topic, work, keys, threads, maxBatchSize, intervals, perPartition, checkpointDirectory } = heat;
const { promise: enough, resolve: isEnough } = Promise.withResolvers<void>();
let batches = 0;
const running = await runJob(job, {
  master: `local[${threads}]`,
  trigger: intervals === 0 ? "availableNow" : "interval",
  maxBatchSize,
  maxRatePerPartition: perPartition === 0 ? undefined : perPartition,
  checkpointDirectory,
  params: { bootstrap, topic, work, keys },
  listeners: [
    {
      onBatchCompleted({ batchTime, submissionTime, processingEndTime, inputs }) {
        const line: BatchLine = {
          records: inputs[0]!.records,
          planMs: submissionTime - batchTime,
          processingMs: processingEndTime! - submissionTime,
          rssBytes: process.memoryUsage.rss(),
        };
        console.log(JSON.stringify(line));
        if (++batches === intervals) isEnough();
      },
    },
  ],
});
if (intervals === 0) await running.awaitTermination();
else {
  await enough;
  await running.stop();
}
