/** How a stream ends that has not begun, or whose next batch has not. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { test } from "node:test";
import { defineJob, KafkaUtils, type Logger, runJob, StreamingContext } from "millrace";
import { Checkpoint } from "../../src/checkpoint/checkpoint.ts";
import type { Entry } from "../../src/checkpoint/entry.ts";
import { decodeSegment } from "../../src/checkpoint/framing.ts";
import { MemoryDisk } from "../checkpoint/memory-store.ts";
import { startBrokerProxy } from "../helpers/broker-proxy.ts";
import { createTopic } from "../helpers/kafka.ts";
import { assertNothingLeft } from "../helpers/open-resources.ts";

/** Nobody answers there. */
const nowhere = { "bootstrap.servers": "127.0.0.1:1" };

test("a standby that is asked to stop while it waits has done nothing, and ends", { timeout: 10_000 }, async (t) => {
  assertNothingLeft(t);
  const disk = new MemoryDisk();
  await Checkpoint.open(disk.store(), "standby");
  const job = defineJob({ appName: "standby", batchInterval: "1s", master: "local" }, (ssc) =>
    KafkaUtils.createDirectStream(ssc, ["topic"], nowhere).foreachRDD(() => {}),
  );
  const stop = new AbortController();
  const waiting = Promise.withResolvers<void>();
  const clock = {
    now: () => 0,
    sleepUntil(_: number, signal: AbortSignal) {
      waiting.resolve();
      return new Promise<never>((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    },
  };
  const starting = runJob(job, { openStore: async () => disk.store(), standby: true, signal: stop.signal, clock });
  await waiting.promise;
  stop.abort();
  await assert.rejects(starting, { code: "STOPPED" });
  assert.equal(disk.segments.size, 1);
});

test("a graceful stop ends a start whose brokers do not answer", { timeout: 8_000 }, async (t) => {
  const asked = Promise.withResolvers<void>();
  const sockets: Socket[] = [];
  const silent = createServer((socket) => {
    sockets.push(socket);
    asked.resolve();
  }).listen(0, "127.0.0.1");
  await once(silent, "listening");
  t.after(async () => {
    for (const socket of sockets) socket.destroy();
    silent.close();
    await once(silent, "close");
  });
  assertNothingLeft(t);
  const { port } = silent.address() as AddressInfo;
  const ssc = new StreamingContext({ appName: "silent", batchInterval: "1s" });
  KafkaUtils.createDirectStream(ssc, ["topic"], { "bootstrap.servers": `127.0.0.1:${port}` }).foreachRDD(() => {});
  const starting = ssc.start();
  await asked.promise;
  await ssc.stop();
  await starting;
  await ssc.awaitTermination();
  assert.equal(ssc.getState(), "STOPPED");
});

test("a graceful stop of a start whose brokers do not answer hands the checkpoint on", {
  timeout: 8_000,
}, async (t) => {
  assertNothingLeft(t);
  const disk = new MemoryDisk();
  const job = defineJob({ appName: "stopped", batchInterval: "1s", master: "local" }, (ssc) =>
    KafkaUtils.createDirectStream(ssc, ["topic"], nowhere).foreachRDD(() => {}),
  );
  const running = await runJob(job, { openStore: async () => disk.store(), signal: AbortSignal.abort() });
  await running.awaitTermination();
  const { entries } = decodeSegment<Entry>(disk.segments.values().next().value!, "first");
  assert.deepEqual(
    entries.map(({ type }) => type),
    ["begin", "release"],
  );
});

test("a graceful stop waits for no broker that is away while the next batch is planned", {
  timeout: 15_000,
}, async (t) => {
  assertNothingLeft(t);
  const topic = await createTopic(t, { partitions: 1 });
  await using proxy = await startBrokerProxy();
  const { promise: waiting, resolve: onWaiting } = Promise.withResolvers<void>();
  const { promise: complete, resolve: onComplete } = Promise.withResolvers<void>();
  const quiet = () => {};
  const logger: Logger = {
    ...{ debug: quiet, info: quiet, error: quiet },
    warn: (_, message) => message?.startsWith("no answer from Kafka yet") && onWaiting(),
  };
  const disk = new MemoryDisk();
  const job = defineJob({ appName: "cut off", batchInterval: "20ms", master: "local" }, (ssc) =>
    KafkaUtils.createDirectStream(ssc, [topic], { "bootstrap.servers": `127.0.0.1:${proxy.port}` }).foreachRDD(quiet),
  );
  const listeners = [{ onBatchCompleted: () => onComplete() }];
  const running = await runJob(job, { logger, listeners, openStore: async () => disk.store() });
  await complete;
  await proxy[Symbol.asyncDispose]();
  await waiting;
  await running.stop();
  await running.awaitTermination();
  const { entries } = decodeSegment<Entry>(disk.segments.values().next().value!, "first");
  assert.deepEqual(
    entries.slice(-2).map(({ type }) => type),
    ["complete", "release"],
  );
});

test("a stop by force ends a start whose checkpoint does not answer", { timeout: 10_000 }, async (t) => {
  const asked = Promise.withResolvers<Socket>();
  const silent = createServer(asked.resolve).listen(0, "127.0.0.1");
  await once(silent, "listening");
  t.after(() => silent.close());
  const { port } = silent.address() as AddressInfo;
  const ssc = new StreamingContext({
    appName: "silent",
    batchInterval: "1s",
    checkpointDirectory: `postgres://nobody@127.0.0.1:${port}/none`,
  });
  KafkaUtils.createDirectStream(ssc, ["topic"], nowhere).foreachRDD(() => {});
  const starting = assert.rejects(ssc.start(), { code: "STOPPED" });
  const socket = await asked.promise;
  await ssc.stop({ graceful: false });
  await starting;
  assert.equal(ssc.getState(), "STOPPED");
  socket.destroy();
});
