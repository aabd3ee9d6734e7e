/** The unit of reading: a slice of one topic-partition. */

export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

/**
 * Records of one topic-partition: `fromOffset` inclusive, `untilOffset` exclusive. Plain data: write the literal, compare with
 * deepEqual, store as JSON. Spark: `OffsetRange`.
 */
export interface OffsetRange extends TopicPartition {
  readonly fromOffset: number;
  readonly untilOffset: number;
}

export const OffsetRange = {
  /** `untilOffset - fromOffset`: a number of offsets. Compacted and transactional topics hold fewer records than that. */
  count(range: OffsetRange): number {
    return range.untilOffset - range.fromOffset;
  },

  equals(a: OffsetRange, b: OffsetRange): boolean {
    return (
      a.topic === b.topic &&
      a.partition === b.partition &&
      a.fromOffset === b.fromOffset &&
      a.untilOffset === b.untilOffset
    );
  },

  /** Spark's text: `OffsetRange(topic: 't', partition: 0, range: [5 -> 9])`. */
  format(range: OffsetRange): string {
    const { topic, partition, fromOffset, untilOffset } = range;
    return `OffsetRange(topic: '${topic}', partition: ${partition}, range: [${fromOffset} -> ${untilOffset}])`;
  },
};

/** Without what a slice carries beyond its range. */
export function plainRange({ topic, partition, fromOffset, untilOffset }: OffsetRange): OffsetRange {
  return { topic, partition, fromOffset, untilOffset };
}

/**
 * Cuts ranges until there are at least `minPartitions` of them, the longest first, as evenly as whole offsets allow. The parts of
 * one range stay next to each other, so reading all results in order still reads each partition in order.
 */
export function splitRanges<R extends OffsetRange>(ranges: readonly R[], minPartitions: number): R[] {
  const parts = ranges.map((range) => ({ range, pieces: 1 }));
  for (let total = parts.length; total < minPartitions; total++) {
    let widest: (typeof parts)[number] | undefined;
    for (const part of parts) {
      if (OffsetRange.count(part.range) <= part.pieces) continue;
      if (widest === undefined || piece(part) > piece(widest)) widest = part;
    }
    if (widest === undefined) break;
    widest.pieces++;
  }
  return parts.flatMap(({ range, pieces }) =>
    Array.from({ length: pieces }, (_, i) => ({
      ...range,
      fromOffset: range.fromOffset + Math.floor((OffsetRange.count(range) * i) / pieces),
      untilOffset: range.fromOffset + Math.floor((OffsetRange.count(range) * (i + 1)) / pieces),
    })),
  );
}

const piece = (part: { range: OffsetRange; pieces: number }) => OffsetRange.count(part.range) / part.pieces;
