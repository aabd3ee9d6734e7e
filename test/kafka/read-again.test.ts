/** What a plain window has read it reads again after a restart: only where that gives the same. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { DStream, Logger } from "millrace";
import { defineJob, KafkaUtils, runJob } from "millrace";
import { refuseCompacted } from "../../src/kafka/compacted-topics.ts";
import { assertRefused } from "../helpers/assert-error.ts";
import { type HeldStreamOptions, holdStream } from "../helpers/held-stream.ts";
import { bootstrapServers, createTopic, deleteRecordsBefore, setTopicConfig } from "../helpers/kafka.ts";
import { produce, produceMany } from "../helpers/produce.ts";
import { waitUntil } from "../helpers/wait-until.ts";
import { openCluster } from "./read-all.ts";

const compacted = { configs: { "cleanup.policy": "compact" } };
const keyed = ["0", "1", "2"].map((value) => ({ key: value, value }));

/** With what its window of two batches holds. */
async function windowed(t: TestContext, topic: string, options: HeldStreamOptions = {}) {
  const windows: string[][] = [];
  const take = (values: DStream<string>) =>
    values.window("2s").foreachRDD(async (rdd) => void windows.push((await rdd.collect()).sort()));
  const params = { "auto.offset.reset": "earliest" } as const;
  return { stream: await holdStream(t, [topic], { params, also: take, ...options }), windows };
}

function recorder(): { warnings: string[]; logger: Logger } {
  const warnings: string[] = [];
  const nothing = () => {};
  const warn = (_fields: object, message = "") => void warnings.push(message);
  return { warnings, logger: { debug: nothing, info: nothing, warn, error: nothing } };
}

test("a plain window of a compacted topic is refused with a checkpoint, and told where that is accepted", async (t) => {
  const topic = await createTopic(t, compacted);
  await produce(topic, keyed);
  await assertRefused(
    windowed(t, topic),
    "TOPIC_COMPACTED",
    new RegExp(`^Topic "${topic}" is compacted, and window at .*read-again.* reads its records again after a restart`),
    /windowed aggregate.*leave out checkpointDirectory.*failOnDataLoss: false/,
  );
  const { warnings, logger } = recorder();
  const { stream, windows } = await windowed(t, topic, { stream: { failOnDataLoss: false }, logger });
  await stream.batch();
  assert.deepEqual(windows, [["0:0=0", "0:1=1", "0:2=2"]]);
  assert.match(warnings.join("\n"), /is compacted: window at .* may hold less after a restart/);
});

test("a compacted topic is read as ever where nothing of it is read again", async (t) => {
  const topic = await createTopic(t, compacted);
  await produce(topic, keyed);
  const counts: number[] = [];
  const stream = await holdStream(t, [topic], {
    params: { "auto.offset.reset": "earliest" },
    also: (values) =>
      values
        .countByWindow({ name: "counts", window: "2s" })
        .foreachRDD(async (rdd) => void counts.push(...(await rdd.collect()))),
  });
  await stream.batch();
  assert.deepEqual(counts, [3]);

  const read: string[] = [];
  const job = defineJob(
    { appName: "no-checkpoint", batchInterval: "1s", master: "local", trigger: "availableNow" },
    (ssc) => {
      const values = KafkaUtils.createDirectStream(ssc, [topic], {
        "bootstrap.servers": bootstrapServers(),
        "auto.offset.reset": "earliest",
      }).map(({ value }) => String(value));
      values.foreachRDD(async (rdd) => void read.push(...(await rdd.collect())));
      values.window("1s").foreachRDD(() => {});
    },
  );
  await (await runJob(job)).awaitTermination();
  assert.deepEqual(read, ["0", "1", "2"]);
});

test("a topic that has come to be compacted while the driver was down is refused at the restart", async (t) => {
  const topic = await createTopic(t);
  await produceMany(topic, 3, String);
  const { stream } = await windowed(t, topic);
  await stream.batch();
  await stream.stop();
  await setTopicConfig(topic, "cleanup.policy", "delete,compact");
  await using cluster = openCluster();
  await waitUntil("the broker knows it", async () =>
    (await cluster.topicConfigs([topic], "cleanup.policy")).every(({ value }) => value?.includes("compact")),
  );
  await assertRefused(
    windowed(t, topic, { disk: stream.disk }),
    "TOPIC_COMPACTED",
    /is compacted/,
    /windowed aggregate/,
  );
});

test("a range of a window that has expired while the driver was down fails the restart, or is told", async (t) => {
  const topic = await createTopic(t);
  await produceMany(topic, 3, String);
  const first = await windowed(t, topic);
  await first.stream.batch();
  await first.stream.stop();
  await deleteRecordsBefore(topic, 2);
  const strict = await windowed(t, topic, { disk: first.stream.disk });
  await assertRefused(
    Promise.reject(await strict.stream.failure()),
    "OFFSETS_LOST",
    /Offset 0 of .*-0 cannot be read: the records before offset 2 are deleted/,
    /failOnDataLoss: false/,
  );
  const lenient = await windowed(t, topic, { disk: first.stream.disk, stream: { failOnDataLoss: false } });
  await lenient.stream.batch();
  assert.deepEqual(lenient.windows, [["0:2=2"]]);
  assert.deepEqual(lenient.stream.losses, [
    { range: { topic, partition: 0, fromOffset: 0, untilOffset: 2 }, reason: "expired" },
  ]);
});

test("where the broker does not tell whether a topic is compacted, that is told", async () => {
  const { warnings, logger } = recorder();
  await using cluster = openCluster();
  const how = { window: "window at job.ts:3:5", accepted: false, warn: logger.warn.bind(logger) };
  await refuseCompacted(cluster, ["not-there"], how, new AbortController().signal);
  assert.deepEqual(warnings, [
    'whether "not-there" is compacted cannot be found out; if it is, window at job.ts:3:5 may hold less after a restart',
  ]);
});
