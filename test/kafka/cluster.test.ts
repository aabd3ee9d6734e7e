import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { KafkaCluster } from "../../src/kafka/connection/cluster.ts";
import { resolveKafkaParams } from "../../src/kafka/kafka-params.ts";
import type { PartitionMap } from "../../src/model/partition-map.ts";
import { MemoryBroker } from "../../src/testing/broker/memory-broker.ts";
import { memoryTopic } from "../../src/testing/broker/memory-topics.ts";
import { freePort } from "../helpers/free-port.ts";
import { bootstrapServers, createTopic, topicName } from "../helpers/kafka.ts";
import { assertNothingLeft } from "../helpers/open-resources.ts";
import { produce } from "../helpers/produce.ts";
import { startTcpProxy } from "../helpers/tcp-proxy.ts";
import { openCluster } from "./read-all.ts";

test("topics are found by name and by pattern, with their id and leaders", async (t) => {
  assertNothingLeft(t);
  const one = await createTopic(t, { partitions: 3 });
  const other = await createTopic(t);
  await using cluster = openCluster();
  const infos = await cluster.topics([other, one, one]);
  assert.deepEqual(
    infos.map(({ topic }) => topic),
    [one, other].sort(),
  );
  const info = infos.find(({ topic }) => topic === one)!;
  assert.match(info.topicId, /^[0-9a-f-]{36}$/);
  assert.deepEqual(
    info.partitions.map(({ partition }) => partition),
    [0, 1, 2],
  );
  assert.ok(info.partitions.every(({ leader, leaderEpoch }) => leader >= 0 && leaderEpoch >= 0));
  // With the flag g a pattern remembers where it stopped: that must not leave out every other topic.
  const byPattern = await cluster.topics(new RegExp(`^(${one}|${other})$`, "g"));
  assert.deepEqual(byPattern, infos);
  assert.deepEqual(await cluster.topics(/no topic is called so/), []);
});

test("a topic that does not exist is named, with names like it", async (t) => {
  const topic = await createTopic(t);
  await using cluster = openCluster();
  const misspelt = topic.replace("topic", "tpoic");
  await assert.rejects(cluster.topics([topic, misspelt]), (error: Error & { hint: string }) => {
    assert.equal(error.message, `Topic "${misspelt}" does not exist.`);
    assert.ok(error.hint.startsWith(`Did you mean "${topic}"`), error.hint);
    return true;
  });
  await assert.rejects(cluster.latestOffsets([{ topic: topicName(t), partition: 0 }]), { code: "TOPIC_NOT_FOUND" });
  await assert.rejects(cluster.latestOffsets([{ topic, partition: 7 }]), {
    code: "TOPIC_NOT_FOUND",
    message: `Topic "${topic}" has no partition 7; it has 1, counted from 0.`,
  });
  await assert.rejects(cluster.topics(["no topic, by its name"]), { code: "TOPIC_NOT_FOUND" });
});

test("a lookup creates no topic", async (t) => {
  const topic = topicName(t);
  await using cluster = openCluster();
  await assert.rejects(cluster.topics([topic]), { code: "TOPIC_NOT_FOUND" });
  await assert.rejects(cluster.topics([topic]), { code: "TOPIC_NOT_FOUND" });
});

test("offsets: earliest, latest, and by time", async (t) => {
  // The records are older than any broker keeps them by default.
  const topic = await createTopic(t, { partitions: 2, configs: { "retention.ms": "-1" } });
  const day = 86_400_000;
  for (const i of [0, 1, 2]) await produce(topic, [{ value: `${i}`, timestamp: 1_700_000_000_000 + i * day }]);
  await using cluster = openCluster();
  const both = [0, 1].map((partition) => ({ topic, partition }));
  const offsetsOf = (found: PartitionMap<number>) => both.map((at) => found.get(at));
  assert.deepEqual(offsetsOf(await cluster.earliestOffsets(both)), [0, 0]);
  assert.deepEqual(offsetsOf(await cluster.latestOffsets(both)), [3, 0]);
  assert.deepEqual(offsetsOf(await cluster.offsetsForTime(both, 1_700_000_000_000 + 1)), [1, 0]);
  const later = await cluster.offsetsForTime(both, 1_700_000_000_000 + 3 * day);
  assert.deepEqual(offsetsOf(later), [3, 0], "all are older: the end");
  assert.equal((await cluster.latestOffsets([])).size, 0);
});

test("a broker that is not there is named, within the deadline", async (t) => {
  assertNothingLeft(t);
  const port = await freePort();
  const params = resolveKafkaParams({ "bootstrap.servers": `127.0.0.1:${port},localhost:${port}` });
  await using cluster = new KafkaCluster(params, { deadlineMs: 300 });
  const start = performance.now();
  await assert.rejects(cluster.topics(["t"]), {
    code: "BROKER_UNREACHABLE",
    message: new RegExp(`within 0.3 s: tried 127.0.0.1:${port}, localhost:${port}; last cause: .*ECONNREFUSED`),
  });
  assert.ok(performance.now() - start < 1_500);
});

test("brokers that have answered and are gone are waited for with more patience than those that never did", async (t) => {
  assertNothingLeft(t);
  const broker = await MemoryBroker.start(new Map([["t", memoryTopic("t", 1)]]));
  const params = resolveKafkaParams({ "bootstrap.servers": broker.address });
  await using cluster = new KafkaCluster(params, { deadlineMs: 10_000, patienceMs: 300 });
  await cluster.latestOffsets([{ topic: "t", partition: 0 }]);
  await broker[Symbol.asyncDispose]();
  await assert.rejects(cluster.latestOffsets([{ topic: "t", partition: 0 }]), {
    code: "BROKER_UNREACHABLE",
    message: /within 0.3 s/,
  });
});

test("a broker that accepts and says nothing is given up within the deadline", async (t) => {
  assertNothingLeft(t);
  const [host, port] = bootstrapServers().split(",")[0]!.split(":") as [string, string];
  assert.ok(host);
  await using proxy = await startTcpProxy(Number(port));
  proxy.stall();
  const params = resolveKafkaParams({ "bootstrap.servers": `127.0.0.1:${proxy.port}` });
  await using cluster = new KafkaCluster(params, { deadlineMs: 200 });
  await assert.rejects(cluster.topics(["t"]), { code: "BROKER_UNREACHABLE", message: /no answer within/ });
  proxy.cut();
});

test("a port at which something answers by HTTP is told as that", async (t) => {
  assertNothingLeft(t);
  await using server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  await using cluster = new KafkaCluster(resolveKafkaParams({ "bootstrap.servers": `127.0.0.1:${port}` }), {
    deadlineMs: 200,
  });
  const message = new RegExp(
    `127\\.0\\.0\\.1:${port}; last cause: it speaks HTTP, so this is not the port of a broker`,
  );
  await assert.rejects(cluster.topics(["t"]), { code: "BROKER_UNREACHABLE", message });
});

test("the second of the given brokers answers when the first does not", async (t) => {
  const topic = await createTopic(t);
  await using cluster = openCluster({ "bootstrap.servers": `127.0.0.1:1,${bootstrapServers()}` });
  assert.equal((await cluster.topics([topic])).length, 1);
});

test("a connection that breaks is opened again", async (t) => {
  const topic = await createTopic(t);
  const port = Number(bootstrapServers().split(",")[0]!.split(":")[1]);
  await using proxy = await startTcpProxy(port);
  await using cluster = new KafkaCluster(resolveKafkaParams({ "bootstrap.servers": `127.0.0.1:${proxy.port}` }));
  await cluster.topics([topic]);
  proxy.cut();
  proxy.restore();
  assert.equal((await cluster.topics([topic])).length, 1);
});

test("a broker that speaks no TLS, where TLS is asked for, is refused at once", async () => {
  await using cluster = openCluster({ ssl: { rejectUnauthorized: false } });
  await assert.rejects(cluster.topics(["t"]), { code: "BROKER_REFUSED", hint: /"ssl"/ });
});

test("an aborted signal ends a lookup with its reason", async () => {
  await using cluster = new KafkaCluster(resolveKafkaParams({ "bootstrap.servers": "127.0.0.1:1" }));
  await assert.rejects(cluster.topics(["t"], AbortSignal.timeout(30)), { name: "TimeoutError" });
  const reason = new Error("stopped");
  await assert.rejects(cluster.latestOffsets([{ topic: "t", partition: 0 }], AbortSignal.abort(reason)), reason);
});
