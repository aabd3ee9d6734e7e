import type { BatchInfo, Logger, StreamingListener } from "../model/events.ts";
import { OffsetRange } from "../model/offset-range.ts";

/** The log is a listener like any other: one line per batch that had anything to say, one per failure. */
export function logListener(logger: Logger): StreamingListener {
  return {
    onStreamingStarted: () => logger.info({}, "the stream has started"),
    onBatchSubmitted: (info) => logger.debug(fieldsOf(info), "batch planned"),
    onBatchCompleted: (info) => {
      const output = info.outputs.find(({ failure }) => failure !== undefined)?.name;
      if (info.failure) logger.error({ ...fieldsOf(info), output, err: info.failure }, "batch failed");
      else logger.info(fieldsOf(info), "batch completed");
    },
    onBatchAbandoned: ({ inputs, ...info }) => {
      const ranges = inputs.flatMap(({ offsetRanges }) => offsetRanges.map(OffsetRange.format));
      logger.error(
        { ...fieldsOf({ inputs, ...info }), ranges },
        "the batch is left out; the stream goes on without it",
      );
    },
    onTaskFailed: ({ batchTime, partition, attempt, executorId, error, willRetry }) => {
      const fields = { batchTime: new Date(batchTime).toISOString(), partition, attempt, executorId, err: error };
      if (willRetry) logger.warn(fields, "a task failed and is tried again");
      else logger.error(fields, "a task failed for good");
    },
    onRecordsSkipped: ({ batchTime, source, operator, count, first: { error: err, ...first } }) =>
      logger.warn(
        { batchTime: new Date(batchTime).toISOString(), source, operator, count, ...first, err },
        "records were left out; this is the first",
      ),
    onExecutorLost: ({ executorId, error }) =>
      logger.warn({ executorId, err: error }, "an executor was lost and is replaced"),
    onDataLoss: ({ range, reason }) =>
      logger.warn(
        { ...range, reason },
        `${OffsetRange.format(range)} is lost (${reason}); the stream goes on without it`,
      ),
  };
}

function fieldsOf({ seq, batchTime, inputs, processingDelay, schedulingDelay }: BatchInfo) {
  const sum = (of: "records" | "lag") => inputs.reduce((total, input) => total + input[of], 0);
  return {
    seq,
    batchTime: new Date(batchTime).toISOString(),
    records: sum("records"),
    lag: sum("lag"),
    processingMs: processingDelay,
    schedulingMs: schedulingDelay,
  };
}
