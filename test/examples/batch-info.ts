import type { BatchInfo, OffsetRange } from "millrace";

/** What a listener is told of a completed batch that read these offsets, by partition. */
export function batchInfo(seq: number, offsets: readonly (readonly [from: number, until: number])[]): BatchInfo {
  const offsetRanges = offsets.map(
    ([fromOffset, untilOffset], partition): OffsetRange => ({
      topic: "page-views",
      partition,
      fromOffset,
      untilOffset,
    }),
  );
  const records = offsets.reduce((sum, [from, until]) => sum + until - from, 0);
  const batchTime = 1_700_000_000_000 + seq * 1_000;
  return {
    seq,
    batchTime,
    missedTicks: 0,
    inputs: [{ name: "page-views", records, offsetRanges, lag: 0, partitions: [], skipped: 0 }],
    submissionTime: batchTime + 5,
    processingStartTime: batchTime + 5,
    processingEndTime: batchTime + 45,
    schedulingDelay: 5,
    processingDelay: 40,
    totalDelay: 45,
    outputs: [{ name: "foreachRDD", duration: 40, failure: undefined }],
    failure: undefined,
  };
}
