import assert from "node:assert/strict";
import { test } from "node:test";
import { crc32 } from "node:zlib";
import { type DStream, defineJob, type ErrorCode, KafkaUtils, type RunningJob, runJob } from "millrace";
import { encodeEntry } from "../../src/checkpoint/framing.ts";
import { MemoryDisk } from "../checkpoint/memory-store.ts";
import { bootstrapServers, createTopic } from "../helpers/kafka.ts";
import { produceMany } from "../helpers/produce.ts";

/** Reads a topic to its end. */
function jobOf(topic: string, appName: string, output: (values: DStream<string>) => void) {
  return defineJob({ appName, batchInterval: "1s", master: "local", trigger: "availableNow" }, (ssc) => {
    const params = { "bootstrap.servers": bootstrapServers(), "auto.offset.reset": "earliest" } as const;
    output(KafkaUtils.createDirectStream(ssc, [topic], params).map(({ value }) => value ?? ""));
  });
}

const counting = (values: DStream<string>) => values.count().foreachRDD(async (rdd) => void (await rdd.collect()));

/** What a segment looks like that another release has written. */
function ofNewerFormat(segment: Buffer): Buffer {
  const next = Buffer.from(encodeEntry({ type: "release" }));
  next.writeUInt8(3, 8);
  next.writeUInt32BE(crc32(next.subarray(0, 9)), 9);
  return Buffer.concat([segment, next]);
}

const ofNewerKind = (segment: Buffer) => Buffer.concat([segment, encodeEntry({ type: "of tomorrow" })]);

function damaged(segment: Buffer): Buffer {
  const copy = Buffer.from(segment);
  copy[40]! ^= 1;
  return copy;
}

test("who starts a driver by mistake is refused, and the one that runs goes on", async (t) => {
  const topic = await createTopic(t, { partitions: 1 });
  await produceMany(topic, 5, (i) => `v${i}`);
  const disk = new MemoryDisk();
  const openStore = async () => disk.store();
  const under = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  const seen: string[][] = [];
  const running = await runJob(
    jobOf(topic, "mistakes", (values) =>
      values.foreachRDD(async (rdd) => {
        under.resolve();
        await release.promise;
        seen.push(await rdd.collect());
      }),
    ),
    { openStore },
  );
  await under.promise;
  const [name, segment] = [...disk.segments][0]!;

  const refused = async (code: ErrorCode, start: () => Promise<RunningJob>, onDisk = segment) => {
    disk.segments.set(name, onDisk);
    await assert.rejects(start(), { code });
    assert.deepEqual([...disk.segments.keys()], [name], `${code}: the checkpoint was taken over`);
    disk.segments.set(name, segment);
  };
  const same = () =>
    runJob(
      jobOf(topic, "mistakes", (values) => values.foreachRDD(() => {})),
      { openStore },
    );
  await refused("CHECKPOINT_OF_ANOTHER_JOB", () => runJob(jobOf(topic, "another", counting), { openStore }));
  await refused("PLAN_MISMATCH", () => runJob(jobOf(topic, "mistakes", counting), { openStore }));
  await refused("CHECKPOINT_OF_ANOTHER_VERSION", same, ofNewerFormat(segment));
  await refused("CHECKPOINT_OF_ANOTHER_VERSION", same, ofNewerKind(segment));
  await refused("CHECKPOINT_CORRUPT", same, damaged(segment));

  release.resolve();
  await running.awaitTermination();
  assert.deepEqual(seen, [["v0", "v1", "v2", "v3", "v4"]]);
});
