import fc from "fast-check";
import type { SliceableBuffer } from "../../src/decoders/index.ts";
import type { FetchedPartition } from "../../src/kafka/reading/fetch.ts";
import type { Fetch } from "../../src/kafka/reading/range-reader.ts";
import type { BatchToWrite, WrittenRecord } from "./batch-writer.ts";

/** A partition's log as a broker would have it after producers, transactions and compaction, and who may read what. */
export interface ModelLog {
  readonly batches: readonly BatchToWrite[];
  readonly endOffset: number;
  readonly lastStableOffset: number;
  readonly aborted: readonly { producerId: number; firstOffset: number; lastOffset: number }[];
}

const PRODUCERS = [101, 102];

const bytes = fc.oneof(
  fc.constant(null),
  fc.string({ unit: "grapheme", maxLength: 40 }).map((text) => new TextEncoder().encode(text)),
  fc.uint8Array({ maxLength: 300 }),
  fc.string({ minLength: 100, maxLength: 200 }).map((text) => new TextEncoder().encode(text)),
);

const timestamp = fc.oneof(
  fc.integer({ min: 0, max: 2 ** 42 }),
  fc.constantFrom(0, 1_700_000_000_000, 1_703_000_000_000, 9_000_000_000_000),
);

const record = fc.record({
  gap: fc.oneof({ weight: 5, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.integer({ min: 1, max: 300 }) }),
  timestamp,
  key: bytes,
  value: bytes,
  headers: fc.array(fc.tuple(fc.string({ unit: "grapheme", maxLength: 20 }), bytes), { maxLength: 3 }),
});

const dataBatch = fc.record({
  kind: fc.constant("data" as const),
  codec: fc.constantFrom(
    "none" as const,
    "none" as const,
    "gzip" as const,
    "snappy" as const,
    "lz4" as const,
    "zstd" as const,
  ),
  logAppendTime: fc.boolean(),
  timestamp,
  producerId: fc.constantFrom(-1, -1, ...PRODUCERS),
  records: fc.array(record, { minLength: 1, maxLength: 12 }),
  trailingGap: fc.constantFrom(0, 0, 0, 2),
});

const marker = fc.record({
  kind: fc.constant("marker" as const),
  marker: fc.constantFrom("COMMIT" as const, "ABORT" as const, "ABORT" as const),
  producerId: fc.constantFrom(...PRODUCERS),
});

const endOf = (producerId: number) => marker.map((step) => ({ ...step, producerId }));

const empty = fc.record({ kind: fc.constant("empty" as const), size: fc.integer({ min: 1, max: 5 }) });

type Generated<A> = A extends fc.Arbitrary<infer T> ? T : never;
type Step = Generated<typeof dataBatch> | Generated<typeof marker> | Generated<typeof empty>;

export const modelLog: fc.Arbitrary<ModelLog> = fc
  .tuple(
    fc.constantFrom(0, 7, 2 ** 33),
    fc.array(
      fc.oneof({ weight: 6, arbitrary: dataBatch }, { weight: 3, arbitrary: marker }, { weight: 1, arbitrary: empty }),
      { minLength: 1, maxLength: 14 },
    ),
  )
  .chain(([start, steps]) =>
    // Often all transactions end, so that there is much to read under read_committed.
    fc
      .oneof({ weight: 1, arbitrary: fc.constant([]) }, { weight: 3, arbitrary: fc.tuple(...PRODUCERS.map(endOf)) })
      .map((ends) => build(start, [...steps, ...ends])),
  );

/** A log without gaps: what a topic holds that is neither compacted nor written in transactions. */
export const plainLog: fc.Arbitrary<ModelLog> = fc.array(dataBatch, { minLength: 2, maxLength: 6 }).map((steps) =>
  build(
    50,
    steps.map((step) => ({
      ...step,
      producerId: -1,
      trailingGap: 0,
      records: step.records.map((r) => ({ ...r, gap: 0 })),
    })),
  ),
);

function build(start: number, steps: readonly Step[]): ModelLog {
  const batches: BatchToWrite[] = [];
  const open = new Map<number, number>();
  const aborted: { producerId: number; firstOffset: number; lastOffset: number }[] = [];
  const base = { codec: "none", logAppendTime: false, timestamp: 1, control: false, records: [] } as const;
  let next = start;
  for (const step of steps) {
    const baseOffset = next;
    if (step.kind === "empty") {
      next += step.size;
      batches.push({ ...base, baseOffset, lastOffset: next - 1, producerId: -1, transactional: false });
    } else if (step.kind === "marker") {
      next++;
      const { producerId, marker } = step;
      batches.push({
        ...base,
        baseOffset,
        lastOffset: baseOffset,
        producerId,
        transactional: true,
        control: true,
        marker,
      });
      const firstOffset = open.get(producerId);
      if (firstOffset !== undefined && marker === "ABORT")
        aborted.push({ producerId, firstOffset, lastOffset: baseOffset });
      open.delete(producerId);
    } else {
      const records: WrittenRecord[] = [];
      for (const { gap, ...fields } of step.records) {
        next += gap;
        records.push({ ...fields, offset: next++ });
      }
      next += step.trailingGap;
      const { codec, logAppendTime, timestamp, producerId } = step;
      const transactional = producerId >= 0;
      batches.push({
        ...base,
        codec,
        logAppendTime,
        timestamp,
        baseOffset,
        lastOffset: next - 1,
        producerId,
        transactional,
        records,
      });
      if (transactional && !open.has(producerId)) open.set(producerId, baseOffset);
    }
  }
  return { batches, endOffset: next, lastStableOffset: Math.min(next, ...open.values()), aborted };
}

/** What a reader of `[from, until)` must get. */
export function expectedRecords(log: ModelLog, from: number, until: number, readCommitted: boolean) {
  return log.batches
    .filter((batch) => !(readCommitted && isAborted(log, batch)))
    .flatMap((batch) =>
      batch.records.map((record) => ({
        ...record,
        timestamp: batch.logAppendTime ? batch.timestamp : record.timestamp,
        timestampType: batch.logAppendTime ? "LogAppendTime" : "CreateTime",
      })),
    )
    .filter(({ offset }) => offset >= from && offset < until);
}

function isAborted({ aborted }: ModelLog, { producerId, transactional, baseOffset }: BatchToWrite): boolean {
  return (
    transactional &&
    aborted.some((a) => a.producerId === producerId && a.firstOffset <= baseOffset && baseOffset < a.lastOffset)
  );
}

/** Where each batch starts in the bytes of a log, and where the last one ends. */
export function batchPositions(bytes: Buffer): number[] {
  const positions = [0];
  for (let at = 0; at < bytes.length; positions.push(at)) at += 12 + bytes.readInt32BE(at + 8);
  return positions;
}

/**
 * Reads as a broker does: from the batch that holds `offset`, at most `maxBytes`, the last batch cut off anywhere. `wholeFirst`
 * false cuts the first one too, as brokers before 0.10.1 did.
 */
export function fetchFrom(
  log: ModelLog,
  bytes: Buffer,
  options: { readCommitted?: boolean; wholeFirst?: boolean; positions?: readonly number[] } = {},
): Fetch {
  const { readCommitted = false, wholeFirst = true, positions = batchPositions(bytes) } = options;
  const limit = readCommitted ? log.lastStableOffset : log.endOffset;
  const readable = log.batches.filter(({ baseOffset }) => baseOffset < limit).length;
  return async (offset, maxBytes): Promise<FetchedPartition> => {
    const first = log.batches.findIndex(({ lastOffset }) => lastOffset >= offset);
    const start = first < 0 || first >= readable ? bytes.length : positions[first]!;
    const whole = wholeFirst && start < bytes.length ? positions[first + 1]! - start : 0;
    const end = Math.max(start, Math.min(positions[readable]!, start + Math.max(maxBytes, whole)));
    return {
      code: 0,
      throttleTimeMs: 0,
      highWatermark: log.endOffset,
      lastStableOffset: log.lastStableOffset,
      abortedTransactions: readCommitted ? log.aborted.filter(({ lastOffset }) => lastOffset >= offset) : [],
      buffer: Buffer.from(bytes.subarray(0, end)) as SliceableBuffer,
      recordsStart: start,
      recordsEnd: end,
    };
  };
}
