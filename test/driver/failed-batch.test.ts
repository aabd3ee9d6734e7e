import assert from "node:assert/strict";
import { test } from "node:test";
import { type BatchInfo, defineJob, type FailurePolicy, KafkaUtils, MillraceError, runJob, type State } from "millrace";
import { Checkpoint } from "../../src/checkpoint/checkpoint.ts";
import { MemoryDisk } from "../checkpoint/memory-store.ts";
import { bootstrapServers, createTopic } from "../helpers/kafka.ts";
import { produceMany } from "../helpers/produce.ts";

const failing = (times: number, seen: number[], failedBatch?: FailurePolicy) =>
  defineJob(
    { appName: "retry", batchInterval: "20ms", master: "local", trigger: "availableNow", failedBatch },
    (ssc) => {
      let left = times;
      ssc.queueStream([[1, 2], [3]]).foreachRDD(async (rdd, _time, { seq }) => {
        seen.push(seq, ...(await rdd.collect()));
        if (left-- > 0) throw new Error("the database is away");
      });
    },
  );

test("with retry a failed batch runs again by its plan, and the next one waits for it", async () => {
  const seen: number[] = [];
  const completed: BatchInfo[] = [];
  const running = await runJob(failing(2, seen, { retry: 2, backoff: "1ms" }), {
    listeners: [{ onBatchCompleted: (info) => completed.push(info) }],
  });
  await running.awaitTermination();
  assert.deepEqual(seen, [1, 1, 2, 1, 1, 2, 1, 1, 2, 2, 3]);
  assert.deepEqual(
    completed.map(({ seq, outputs }) => [seq, outputs[0]?.failure?.code]),
    [
      [1, "OUTPUT_FAILED"],
      [1, "OUTPUT_FAILED"],
      [1, undefined],
      [2, undefined],
    ],
  );
});

test("when all retries have failed, the stream stops with the batch's error", async () => {
  const seen: number[] = [];
  const running = await runJob(failing(9, seen, { retry: 2, backoff: "1ms" }));
  await assert.rejects(running.awaitTermination(), { code: "OUTPUT_FAILED", message: /database is away/ });
  assert.deepEqual(seen, [1, 1, 2, 1, 1, 2, 1, 1, 2]);
});

test("by default the first failure stops the stream", async () => {
  const seen: number[] = [];
  const running = await runJob(failing(1, seen));
  await assert.rejects(running.awaitTermination(), { code: "OUTPUT_FAILED" });
  assert.deepEqual(seen, [1, 1, 2]);
});

test("a failure policy that is none is refused", async () => {
  const policies = [
    "skip",
    { retry: 0 },
    { otherwise: "skip" },
    { retry: 2, backoff: "soon" },
    { retry: 2, times: 3 },
  ] as never[];
  for (const policy of policies) {
    assert.throws(() => failing(0, [], policy), { code: "BAD_OPTION" }, JSON.stringify(policy));
  }
});

test("with continue a batch that failed for good is left out, told of, and never runs again", async () => {
  const seen: number[] = [];
  const left: number[] = [];
  const running = await runJob(failing(1, seen, "continue"), {
    listeners: [{ onBatchAbandoned: ({ seq }) => left.push(seq) }],
  });
  await running.awaitTermination();
  assert.deepEqual(seen, [1, 1, 2, 2, 3]);
  assert.deepEqual(left, [1]);
});

test("retries come before a batch is left out", async () => {
  const seen: number[] = [];
  const running = await runJob(failing(2, seen, { retry: 1, backoff: "1ms", otherwise: "continue" }));
  await running.awaitTermination();
  assert.deepEqual(seen, [1, 1, 2, 1, 1, 2, 2, 3]);
});

test("with continue an outage of what is read ends the stream: all batches that follow would be left out like this one", async () => {
  const left: number[] = [];
  const options = { appName: "outage", batchInterval: "20ms", master: "local", trigger: "availableNow" } as const;
  const job = defineJob({ ...options, failedBatch: "continue" }, (ssc) => {
    ssc.queueStream([[1], [2]]).foreachRDD(() => {
      // As an action does that reads.
      throw new MillraceError("NO_LEADER", "Nobody leads numbers-0.", { hint: "Look at the brokers." });
    });
  });
  const running = await runJob(job, { listeners: [{ onBatchAbandoned: ({ seq }) => left.push(seq) }] });
  await assert.rejects(running.awaitTermination(), { code: "NO_LEADER" });
  assert.deepEqual(left, []);
});

test("with continue a batch that fails while the stream is asked to stop is not left out: the next start runs it", async (t) => {
  const topic = await createTopic(t, { partitions: 1 });
  await produceMany(topic, 2, (i) => `v${i}`);
  const disk = new MemoryDisk();
  const seen: (string | null)[] = [];
  const starts: Promise<void>[] = [];
  let stop: (() => Promise<void>) | undefined;
  const options = { appName: "stopped", batchInterval: "1s", master: "local", trigger: "availableNow" } as const;
  const job = defineJob({ ...options, failedBatch: "continue" }, (ssc) => {
    const kafkaParams = { "bootstrap.servers": bootstrapServers(), "auto.offset.reset": "earliest" } as const;
    KafkaUtils.createDirectStream(ssc, [topic], kafkaParams).foreachRDD(async (rdd) => {
      await starts.shift();
      for (const { value } of await rdd.collect()) seen.push(value);
      if (stop === undefined) return;
      void stop().catch(() => {});
      throw new Error("the database goes with the job");
    });
  });
  const started = Promise.withResolvers<void>();
  starts.push(started.promise);
  const running = await runJob(job, { openStore: async () => disk.store() });
  stop = () => running.stop();
  started.resolve();
  await assert.rejects(running.awaitTermination(), { code: "OUTPUT_FAILED" });
  stop = undefined;
  await (await runJob(job, { openStore: async () => disk.store() })).awaitTermination();
  assert.deepEqual(seen, ["v0", "v1", "v0", "v1"]);
  assert.equal((await Checkpoint.peek(disk.store(), "stopped")).abandoned.count, 0);
});

test("the checkpoint keeps the ranges and the error of a batch that was left out, and a restart goes on after it", async (t) => {
  const topic = await createTopic(t, { partitions: 1 });
  await produceMany(topic, 6, (i) => `v${i}`);
  const disk = new MemoryDisk();
  const seen: string[] = [];
  let failures = 1;
  const options = { appName: "left-out", batchInterval: "1s", master: "local", trigger: "availableNow" } as const;
  const job = defineJob({ ...options, maxRatePerPartition: 3, failedBatch: "continue" }, (ssc) => {
    const kafkaParams = { "bootstrap.servers": bootstrapServers(), "auto.offset.reset": "earliest" } as const;
    const stream = KafkaUtils.createDirectStream(ssc, [topic], kafkaParams);
    stream.foreachRDD(async (rdd) => void (await rdd.count()), { name: "fine" });
    stream.foreachRDD(
      async (rdd) => {
        if (failures-- > 0) throw new Error("no");
        for (const { value } of await rdd.collect()) seen.push(value ?? "");
      },
      { name: "failing" },
    );
  });
  for (let run = 0; run < 2; run++) {
    const running = await runJob(job, { openStore: async () => disk.store() });
    await running.awaitTermination();
  }
  assert.deepEqual(seen, ["v3", "v4", "v5"]);
  const { world } = await Checkpoint.open(disk.store(), "left-out");
  assert.equal(world.abandoned.count, 1);
  const [left] = world.abandoned.last;
  assert.deepEqual(
    left?.slices[topic]?.map(({ fromOffset, untilOffset }) => [fromOffset, untilOffset]),
    [[0, 3]],
  );
  assert.equal(left?.code, "OUTPUT_FAILED");
  assert.deepEqual(left?.outputs, [
    { name: "fine", done: true },
    { name: "failing", done: false },
  ]);
});

test("a job with state continues only when it says that the state may have a gap, and then keeps that of the batch before", async () => {
  const outputs: unknown[] = [];
  const job = (failedBatch: FailurePolicy) =>
    defineJob(
      { appName: "gap", batchInterval: "20ms", master: "local", trigger: "availableNow", failedBatch },
      (ssc) => {
        const count = (key: string, _one: number | undefined, state: State<number>) => {
          state.update((state.get() ?? 0) + 1);
          return [key, state.get()] as const;
        };
        const batches: [string, number][][] = [[["a", 1]], [["a", 1]], [["a", 1]]];
        ssc
          .queueStream(batches)
          .mapWithState(count, { name: "counts" })
          .foreachRDD(async (rdd, _time, { seq }) => {
            outputs.push(...(await rdd.collect()));
            if (seq === 2) throw new Error("no");
          });
      },
    );
  await assert.rejects(runJob(job("continue")), { code: "BAD_OPTION", message: /keeps the state "counts"/ });
  const running = await runJob(job({ otherwise: "continue", acceptGapInState: true }));
  await running.awaitTermination();
  assert.deepEqual(outputs, [
    ["a", 1],
    ["a", 2],
    ["a", 2],
  ]);
});
