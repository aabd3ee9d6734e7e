import { statSync } from "node:fs";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { benchTopic, ensureTopics, PARTITIONS } from "../data/topics.ts";
import { median } from "../statistics.ts";
import { type Measured, measure } from "./measure.ts";
import type { ScaleHeat } from "./talk.ts";

/** What grows in each row of the bench, and what is looked at. */

export interface ScaleOptions {
  readonly bootstrap: string;
  /** Of rows that say no number themselves. */
  readonly records: number;
  readonly partitions: readonly number[];
  readonly sizes: readonly number[];
  readonly keys: readonly number[];
  readonly backlog: number;
  readonly repetitions: number;
  onProgress(line: string): void;
}

export interface ScaleResult {
  readonly bench: "scale";
  readonly row: ScaleRow;
  /** What grows: executors, partitions, bytes of a value, keys, or records. */
  readonly at: number;
  readonly [figure: string]: string | number | readonly number[];
}

export type ScaleRow = "executors" | "partitions" | "size" | "keys" | "backlog";

export const scaleRows: Readonly<Record<ScaleRow, (options: ScaleOptions) => AsyncGenerator<ScaleResult>>> = {
  executors,
  partitions,
  size,
  keys,
  backlog,
};

/** MiB: more than any topic here holds. */
const EVERYTHING = 1 << 20;
/** Small, so that a backlog is many batches. */
const BACKLOG_BATCH_SIZE = 16;
/** More than executors, and no multiple of some of their numbers. */
const MANY_PARTITIONS = 20;
const MANY_EXECUTORS = 10;
const BYTES_PER_SIZE = 200e6;
const STATE_BATCH = 50_000;
/** Batches after every key is there. */
const STATE_BATCHES = 10;

const heatOf = (bootstrap: string, topic: string, given: Partial<ScaleHeat>): ScaleHeat => ({
  bootstrap,
  topic,
  threads: availableParallelism(),
  work: "count",
  maxBatchSize: EVERYTHING,
  intervals: 0,
  keys: 0,
  perPartition: 0,
  ...given,
});

/** Word count of a whole topic in one batch, on one executor, on each core, and on more executors than there are cores. */
async function* executors({ bootstrap, records, repetitions, onProgress }: ScaleOptions): AsyncGenerator<ScaleResult> {
  const topic = benchTopic("text", "none", records, MANY_PARTITIONS);
  await ensureTopics(bootstrap, [topic], onProgress);
  const cores = availableParallelism();
  const counts = [...new Set([...Array.from({ length: cores }, (_, i) => i + 1), MANY_EXECUTORS])];
  for (const threads of counts) {
    const heat = heatOf(bootstrap, topic.topic, { threads, work: "words" });
    yield { bench: "scale", row: "executors", at: threads, cores, ...(await figures(heat, records, repetitions)) };
  }
}

/** A count over more and more partitions with ten records each: how long planning takes, and a batch with a task for each. */
async function* partitions({ bootstrap, partitions, onProgress }: ScaleOptions): AsyncGenerator<ScaleResult> {
  for (const count of partitions) {
    const records = count * 10;
    const topic = benchTopic("text", "none", records, count);
    await ensureTopics(bootstrap, [topic], onProgress);
    const { batches, peakRssBytes } = await measure(heatOf(bootstrap, topic.topic, { intervals: 10 }), records);
    const planMs = batches.slice(1).map((batch) => batch.planMs);
    yield {
      ...({ bench: "scale", row: "partitions", at: count, records } as const),
      planMs: median(planMs),
      slowestPlanMs: Math.max(...planMs),
      firstBatchMs: batches[0]!.processingMs,
      emptyBatchMs: median(batches.slice(1).map((batch) => batch.processingMs)),
      peakRssBytes,
    };
  }
}

/** A count of values from tiny to as large as a broker takes, always 200 MB or what the number of records makes. */
async function* size(options: ScaleOptions): AsyncGenerator<ScaleResult> {
  const { bootstrap, sizes, records: most, repetitions, onProgress } = options;
  for (const bytes of sizes) {
    const records = Math.max(10, Math.min(most, Math.floor(BYTES_PER_SIZE / bytes)));
    const topic = benchTopic(bytes, "none", records);
    await ensureTopics(bootstrap, [topic], onProgress);
    const measured = await figures(heatOf(bootstrap, topic.topic, {}), records, repetitions);
    const megabytesPerSecond = (measured.recordsPerSecond * bytes) / 1e6;
    yield { bench: "scale", row: "size", at: bytes, megabytesPerSecond, ...measured };
  }
}

/**
 * A state of more and more keys with a checkpoint, in batches of 50,000 records: what a batch takes and holds once every key is there. It
 * touches as many keys whatever their number.
 */
async function* keys({ bootstrap, keys: counts, onProgress }: ScaleOptions): AsyncGenerator<ScaleResult> {
  for (const count of counts) {
    const records = count + STATE_BATCHES * STATE_BATCH;
    const topic = benchTopic(10, "none", records);
    await ensureTopics(bootstrap, [topic], onProgress);
    const checkpointDirectory = await mkdtemp(join(tmpdir(), "millrace-scale-"));
    try {
      const work = { work: "state", keys: count, perPartition: STATE_BATCH / PARTITIONS, checkpointDirectory } as const;
      const measured = await measure(heatOf(bootstrap, topic.topic, work), records);
      const full = measured.batches.filter((batch) => batch.records === STATE_BATCH).slice(-STATE_BATCHES);
      const batchMs = full.map(({ processingMs }) => processingMs);
      yield {
        ...({ bench: "scale", row: "keys", at: count, batchRecords: STATE_BATCH } as const),
        batchMs: median(batchMs),
        slowestBatchMs: Math.max(...batchMs),
        ...rates(measured, records),
        checkpointBytes: await bytesIn(checkpointDirectory),
        peakRssBytes: measured.peakRssBytes,
      };
    } finally {
      await rm(checkpointDirectory, { recursive: true });
    }
  }
}

async function bytesIn(folder: string): Promise<number> {
  const files = await readdir(folder, { recursive: true, withFileTypes: true });
  const sizes = files.filter((file) => file.isFile()).map((file) => statSync(join(file.parentPath, file.name)).size);
  return sizes.reduce((sum, size) => sum + size, 0);
}

/** A count over a long backlog of ten-byte values, in batches of 16 MiB: memory must not grow with it. */
async function* backlog({ bootstrap, backlog: records, onProgress }: ScaleOptions): AsyncGenerator<ScaleResult> {
  const topic = benchTopic(10, "none", records);
  await ensureTopics(bootstrap, [topic], onProgress);
  const measured = await measure(heatOf(bootstrap, topic.topic, { maxBatchSize: BACKLOG_BATCH_SIZE }), records);
  const { batches, peakRssBytes, seconds } = measured;
  // Of a tenth of all batches each, so that growth would be seen.
  const rssBytes = Array.from(
    { length: 10 },
    (_, i) => batches[Math.floor(((i + 1) * batches.length) / 10) - 1]?.rssBytes,
  );
  yield {
    ...({ bench: "scale", row: "backlog", at: records, batches: batches.length } as const),
    rssBytes: rssBytes.filter((bytes) => bytes !== undefined),
    ...rates(measured, records),
    seconds,
    peakRssBytes,
  };
}

async function figures(heat: ScaleHeat, records: number, repetitions: number) {
  const all: Measured[] = [];
  for (let i = 0; i < repetitions; i++) all.push(await measure(heat, records));
  const each = all.map((measured) => rates(measured, records));
  return {
    records,
    samples: repetitions,
    recordsPerSecond: median(each.map((rate) => rate.recordsPerSecond)),
    cpuSecondsPerMillion: median(each.map((rate) => rate.cpuSecondsPerMillion)),
    peakRssBytes: Math.max(...all.map(({ peakRssBytes }) => peakRssBytes)),
  };
}

const rates = ({ seconds, cpuSeconds }: Measured, records: number) => ({
  recordsPerSecond: Math.round(records / seconds),
  cpuSecondsPerMillion: Number((cpuSeconds / (records / 1e6)).toFixed(3)),
});
