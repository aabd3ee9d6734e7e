/** Which partitions of an output were written, and by which batch last: as ranges, so that a thousand partitions cost no more than one. */

/** Half open, in order. */
export type PartitionRanges = readonly (readonly [from: number, until: number])[];

/**
 * The last batch of which a sink holds something, by range of partitions. A number is that of any partition: a sink without partitions of its own tells
 * no more, nor does a checkpoint of an earlier release.
 */
export type LastBatches = number | readonly (readonly [from: number, until: number, seq: number])[];

/** @param partitions In order. */
export function rangesOf(partitions: readonly number[]): PartitionRanges {
  const ranges: [number, number][] = [];
  for (const partition of partitions) {
    const last = ranges.at(-1);
    if (last?.[1] === partition) last[1]++;
    else ranges.push([partition, partition + 1]);
  }
  return ranges;
}

/** @param seqs By partition; 0, or a hole, where the sink holds nothing. */
export function lastBatchesOf(seqs: readonly number[]): LastBatches {
  const ranges: [number, number, number][] = [];
  for (const [partition, seq = 0] of seqs.entries()) {
    const last = ranges.at(-1);
    if (last?.[1] === partition && last[2] === seq) last[1]++;
    else if (seq > 0) ranges.push([partition, partition + 1, seq]);
  }
  return ranges;
}

/** By partition. */
export function seqsOf(last: LastBatches): number[] {
  const seqs: number[] = [];
  if (typeof last === "number") return seqs;
  for (const [from, until, seq] of last)
    for (let partition = from; partition < until; partition++) seqs[partition] = seq;
  return seqs;
}

/** Over all partitions; 0 when the sink holds nothing. */
export function lastBatch(last: LastBatches): number {
  return typeof last === "number" ? last : Math.max(0, ...last.map(([, , seq]) => seq));
}

/** After a batch has written these partitions. */
export function afterBatch(last: LastBatches, written: PartitionRanges, seq: number): LastBatches {
  const seqs = seqsOf(last);
  for (const [from, until] of written) for (let partition = from; partition < until; partition++) seqs[partition] = seq;
  return lastBatchesOf(seqs);
}

/** As a person reads it, both ends included: `0-3, 7`. */
export function rangesText(ranges: PartitionRanges): string {
  return ranges.map(([from, until]) => (until - from === 1 ? `${from}` : `${from}-${until - 1}`)).join(", ");
}
