import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import {
  type DataLoss,
  type DirectStreamOptions,
  type DStream,
  defineJob,
  type EngineOptions,
  type KafkaParams,
  KafkaUtils,
  type Logger,
  runJob,
  type TaskContext,
  type TopicSelection,
} from "millrace";
import { MemoryDisk } from "../checkpoint/memory-store.ts";
import { bootstrapServers } from "./kafka.ts";
import { ManualClock } from "./manual-clock.ts";

export interface HeldStreamOptions {
  readonly params?: KafkaParams;
  readonly stream?: DirectStreamOptions<string | null, string | null>;
  readonly engine?: EngineOptions;
  /** What outlives the driver, to start on it again. */
  readonly disk?: MemoryDisk;
  readonly logger?: Logger;
  /** More outputs. */
  readonly also?: (values: DStream<string>) => void;
  /** Before a batch is read; what it throws fails the batch. */
  readonly beforeReading?: (seq: number) => void | Promise<void>;
}

/** A direct stream whose batches come when the test says so. Looks for new partitions at every batch. */
export interface HeldStream {
  /** Lets the next batch run. @returns what it read: `partition:offset=value`, after the topic when there are several */
  batch(): Promise<string[]>;
  /** What each batch read so far, one that was pending at the start included. */
  readonly reads: string[][];
  readonly losses: DataLoss[];
  /** `[partition, numPartitions]` of the tasks of the last batch. */
  readonly tasks: [number, number][];
  /** What the stream fails with, when the next batch does. */
  failure(): Promise<Error>;
  stop(): Promise<void>;
  readonly disk: MemoryDisk;
}

export async function holdStream(
  t: Pick<TestContext, "after">,
  topics: TopicSelection,
  options: HeldStreamOptions = {},
): Promise<HeldStream> {
  const { disk = new MemoryDisk(), params = {}, stream = {}, engine = {}, logger, also, beforeReading } = options;
  const clock = new ManualClock(1_000_000_000);
  const losses: DataLoss[] = [];
  const tasks: [number, number][] = [];
  const reads: string[][] = [];
  const kafkaParams = { "bootstrap.servers": bootstrapServers(), "metadata.max.age.ms": 0, ...params };
  const job = defineJob({ appName: "held", batchInterval: "1s", master: "local" }, (ssc) => {
    const values = KafkaUtils.createDirectStream(ssc, topics, kafkaParams, stream).map(
      ({ topic, partition, offset, value }) =>
        `${topic === String(topics) ? "" : `${topic}/`}${partition}:${offset}=${value}`,
    );
    values.foreachRDD(async (rdd, _time, { seq }) => {
      await beforeReading?.(seq);
      reads.push(await rdd.collect());
    });
    values.foreachPartition(
      (_, { partition, numPartitions }: TaskContext) => void tasks.push([partition, numPartitions]),
    );
    also?.(values);
  });
  const running = await runJob(job, {
    ...engine,
    clock,
    openStore: async () => disk.store(),
    listeners: [{ onDataLoss: (loss) => losses.push(loss) }],
    ...(logger && { logger }),
  });
  let failure: Error | undefined;
  const ended = running.awaitTermination().catch((error: Error) => {
    failure = error;
  });
  t.after(() => running.stop({ graceful: false }).catch(() => {}));
  const next = async () => {
    await Promise.race([clock.untilAsleep(), ended]);
    if (running.getState() === "STOPPED") return;
    tasks.length = 0;
    await clock.wakeNext();
    await Promise.race([clock.untilAsleep(), ended]);
  };
  return {
    reads,
    losses,
    tasks,
    disk,
    async batch() {
      await next();
      if (failure !== undefined) throw failure;
      return reads.at(-1)!;
    },
    async failure() {
      await next();
      assert.ok(failure !== undefined, "the batch did not fail");
      return failure;
    },
    stop: () => running.stop(),
  };
}
