/** What a run of the scale bench is told, as one JSON argument. */
export interface ScaleHeat {
  readonly bootstrap: string;
  readonly topic: string;
  readonly threads: number;
  readonly work: "count" | "words" | "state";
  /** Of the work "state". */
  readonly keys: number;
  /** MiB that one batch may read. */
  readonly maxBatchSize: number;
  /** 0: batches without a pause until there is nothing more. Else that many batches, one a second, most of them empty. */
  readonly intervals: number;
  /** Records of each partition in a batch; 0: no limit. */
  readonly perPartition: number;
  readonly checkpointDirectory?: string;
}

/** One line for each batch. */
export interface BatchLine {
  readonly records: number;
  /** From the batch time to the plan. Only with intervals: without, a batch has no time to be late for. */
  readonly planMs: number;
  /** From the plan to the end. */
  readonly processingMs: number;
  /** Of the whole process, at its end. */
  readonly rssBytes: number;
}
