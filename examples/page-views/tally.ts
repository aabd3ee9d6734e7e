import type { BatchInfo, OffsetRange, StreamingListener } from "millrace";

/** What a run has read so far: a listener that adds up its batches. */
export class Tally implements StreamingListener {
  batches = 0;
  /** Offsets, as planned; what the job counted is its own affair. */
  records = 0;
  /** The last batch that had records. */
  lastRead: BatchInfo | undefined;
  /** Where a batch did not begin where the one before it ended. */
  readonly breaks: string[] = [];
  readonly #first: number;
  /** Partitions of which a batch may have ended without a word: its driver died between completing it and saying so. */
  readonly #untold = new Set<number>();
  #next = Promise.withResolvers<BatchInfo>();
  readonly #ranges = new Map<number, OffsetRange>();

  /** @param started When the stream started, in milliseconds. */
  constructor(started: number) {
    this.#first = started;
  }

  /** Everything read of each partition, as one range. */
  get ranges(): OffsetRange[] {
    return [...this.#ranges.values()].sort((a, b) => a.partition - b.partition);
  }

  /** Until the last batch that had records was done. */
  get seconds(): number {
    return Math.max(0, (this.lastRead?.processingEndTime ?? this.#first) - this.#first) / 1_000;
  }

  get recordsPerSecond(): number {
    return this.seconds === 0 ? 0 : Math.round(this.records / this.seconds);
  }

  /** The driver was killed and runs again. What it did not live to tell is part of what was read: the counts in the database show it. */
  driverWasKilled(): void {
    for (const partition of this.#ranges.keys()) this.#untold.add(partition);
  }

  onBatchCompleted(info: BatchInfo): void {
    if (info.outputs.some(({ failure }) => failure !== undefined)) return; // it does not count
    this.batches++;
    const records = info.inputs.reduce((sum, input) => sum + input.records, 0);
    this.records += records;
    if (records > 0) this.lastRead = info;
    for (const range of info.inputs.flatMap(({ offsetRanges }) => offsetRanges)) this.#join(range);
    this.#next.resolve(info);
    this.#next = Promise.withResolvers();
  }

  /** The next one that counts. */
  nextBatch(): Promise<BatchInfo> {
    return this.#next.promise;
  }

  #join(range: OffsetRange): void {
    const before = this.#ranges.get(range.partition);
    const untold = this.#untold.delete(range.partition) ? range.fromOffset - (before?.untilOffset ?? 0) : 0;
    if (untold > 0) this.records += untold;
    else if (before !== undefined && before.untilOffset !== range.fromOffset) {
      this.breaks.push(`partition ${range.partition}: read to ${before.untilOffset}, then from ${range.fromOffset}`);
    }
    this.#ranges.set(range.partition, { ...range, fromOffset: before?.fromOffset ?? range.fromOffset });
  }
}
