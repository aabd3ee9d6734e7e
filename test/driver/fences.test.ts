/** When a driver fences its sinks off from older ones, and when it makes room for the next. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { type DStream, defineJob, type FailurePolicy, KafkaUtils, MillraceError, runJob } from "millrace";
import { defineSink, type Sink, type SinkProgress } from "millrace/sinks";
import type { CheckpointStore } from "../../src/checkpoint/store.ts";
import { MemoryDisk } from "../checkpoint/memory-store.ts";
import { bootstrapServers, createTopic } from "../helpers/kafka.ts";
import { produceMany } from "../helpers/produce.ts";
import { rushingClock } from "../helpers/rushing-clock.ts";

/** Takes note of what it is called for. */
class NotingSink {
  readonly calls: string[] = [];
  #progress: SinkProgress = { seq: 0, epoch: 0 };

  /** At the first of these calls it does not answer. */
  sink(away: readonly string[] = []): Sink<string> {
    const note = (call: string) => {
      const isFirst = !this.calls.includes(call);
      this.calls.push(call);
      if (isFirst && away.includes(call)) throw new MillraceError("SINK_FAILED", "It is away.", { hint: "Wait." });
    };
    return defineSink<string, null>({
      open: async () => null,
      fence: async (_, epoch, numPartitions) => {
        note(`fence ${epoch} in ${numPartitions}`);
        this.#progress = { ...this.#progress, epoch };
      },
      progress: async () => {
        this.calls.push("progress");
        return this.#progress.epoch === 0 ? undefined : this.#progress;
      },
      commitPartition: async (_, partition, { seq, partition: number }) => {
        for await (const _value of partition);
        note(`commit ${seq} in ${number}`);
        this.#progress = { ...this.#progress, seq };
        return "written";
      },
      close: async () => {
        for (let turn = 0; turn < 20; turn++) await nextTurn();
        this.calls.push("closed");
      },
    });
  }
}

interface Run {
  readonly openStore: () => Promise<CheckpointStore>;
  readonly batches: number;
  readonly output: (values: DStream<string>) => void;
  readonly failedBatch?: FailurePolicy;
}

/** One record a batch, one batch a second, then a graceful stop. */
async function run(topic: string, { openStore, batches, output, failedBatch = "stop" }: Run): Promise<void> {
  const options = { appName: "fences", batchInterval: "1s", master: "local", maxRatePerPartition: 1 } as const;
  const job = defineJob({ ...options, failedBatch, taskMaxFailures: 1 }, (ssc) => {
    const kafkaParams = { "bootstrap.servers": bootstrapServers(), "auto.offset.reset": "earliest" } as const;
    output(KafkaUtils.createDirectStream(ssc, [topic], kafkaParams).map(({ value }) => value ?? ""));
  });
  const { over, ...clock } = rushingClock(1000 * batches);
  const running = await runJob(job, { clock, openStore });
  over.addEventListener("abort", () => void running.stop());
  await running.awaitTermination();
}

const onDisk = () => {
  const disk = new MemoryDisk();
  return async () => disk.store();
};

test("a batch that has more partitions than those before is fenced in all of them before it writes", async (t) => {
  const topic = await createTopic(t, { partitions: 1 });
  await produceMany(topic, 3, String);
  const sink = new NotingSink();
  const output = (values: DStream<string>) =>
    values.transform((rdd, time) => rdd.repartition(time === 2000 ? 2 : 1)).saveTo(sink.sink(), { name: "out" });
  await run(topic, { openStore: onDisk(), batches: 3, output });
  assert.deepEqual(
    sink.calls.filter((call) => call !== "closed"),
    [
      ...["progress", "fence 1 in 1", "commit 1 in 0"],
      ...["fence 1 in 2", "commit 2 in 0", "commit 2 in 1"],
      ...["commit 3 in 0"],
    ],
  );
});

test("what may still run of a batch that was left out is fenced off before the sink is asked what it has, also when the sink was away", async (t) => {
  const topic = await createTopic(t, { partitions: 1 });
  await produceMany(topic, 2, String);
  const sink = new NotingSink();
  const output = (values: DStream<string>) =>
    values.saveTo(sink.sink(["commit 1 in 0", "fence 2 in 1"]), { name: "out" });
  await run(topic, { openStore: onDisk(), batches: 2, output, failedBatch: "continue" });
  assert.deepEqual(
    sink.calls.filter((call) => call !== "closed"),
    [
      ...["progress", "fence 1 in 1", "commit 1 in 0"],
      ...["fence 2 in 1", "fence 2 in 1", "progress", "commit 2 in 0"],
    ],
  );
});

test("a driver that stops makes room for the next one when nothing of it writes any more", async (t) => {
  const topic = await createTopic(t, { partitions: 1 });
  await produceMany(topic, 1, String);
  const sink = new NotingSink();
  const open = onDisk();
  const openStore = async (): Promise<CheckpointStore> => {
    const store = await open();
    const append: CheckpointStore["append"] = async (name, position, bytes) => {
      if (Buffer.from(bytes).includes('"type":"release"')) sink.calls.push("released");
      await store.append(name, position, bytes);
    };
    return { ...store, append };
  };
  await run(topic, { openStore, batches: 1, output: (values) => values.saveTo(sink.sink(), { name: "out" }) });
  assert.deepEqual(sink.calls.slice(-3), ["closed", "closed", "released"]);
});
