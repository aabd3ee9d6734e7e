/** How a stream ends that has not begun. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { test } from "node:test";
import { defineJob, KafkaUtils, runJob, StreamingContext } from "millrace";
import { Checkpoint } from "../../src/checkpoint/checkpoint.ts";
import { MemoryDisk } from "../checkpoint/memory-store.ts";
import { assertNothingLeft } from "../helpers/open-resources.ts";

/** No test here comes so far as to ask a broker. */
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
