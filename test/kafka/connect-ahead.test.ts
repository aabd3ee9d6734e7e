/** An executor looks for its brokers while it starts, so that its first task need not. */
import assert from "node:assert/strict";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { test } from "node:test";
import { defineJob, KafkaUtils } from "millrace";
import { TaskRunner } from "../../src/executor/task-runner.ts";
import { buildGraph } from "../../src/job/build-graph.ts";
import { bootstrapServers, createTopic } from "../helpers/kafka.ts";
import { produce } from "../helpers/produce.ts";
import { countRequests, METADATA } from "../helpers/requests.ts";
import { openCluster, readRecords } from "./read-all.ts";

test("what was looked up ahead is not looked up by the first task", async (t) => {
  const topic = await createTopic(t);
  await produce(topic, [{ value: "read" }]);
  await using cluster = openCluster();
  await cluster.connectAhead([topic]);
  const range = { topic, partition: 0, fromOffset: 0, untilOffset: 1 };
  const read = async () =>
    assert.deepEqual(
      (await readRecords(cluster, range)).map(({ value }) => value),
      ["read"],
    );
  assert.equal(await countRequests(METADATA, read), 0);
});

test("an executor that has built its graph looks its topics up", async (t) => {
  const topic = await createTopic(t);
  const kafkaParams = { "bootstrap.servers": bootstrapServers() };
  const job = defineJob({ appName: "ahead", batchInterval: "1s" }, (ssc) => {
    KafkaUtils.createDirectStream(ssc, [topic], kafkaParams).foreachRDD(() => {});
  });
  const asked = Promise.withResolvers<void>();
  const listen = (request: unknown) => void ((request as { key: number }).key === METADATA && asked.resolve());
  subscribe("millrace:kafka:request", listen);
  t.after(() => unsubscribe("millrace:kafka:request", listen));
  const runner = new TaskRunner(buildGraph(job, {}).graph);
  await asked.promise;
  await runner.close();
});

test("an RDD, of which a job may have many and read few, is not connected for before it is read", async (t) => {
  const kafkaParams = { "bootstrap.servers": bootstrapServers() };
  const job = defineJob({ appName: "ahead", batchInterval: "1s" }, (ssc) => {
    KafkaUtils.createDirectStream(ssc, ["streamed"], kafkaParams).foreachRDD(() => {});
    for (let partition = 0; partition < 3; partition++) {
      KafkaUtils.createRDD(ssc, kafkaParams, [{ topic: "fixed", partition, fromOffset: 0, untilOffset: 1 }]);
    }
  });
  const { graph } = buildGraph(job, {});
  let connections = 0;
  const count = () => void connections++;
  subscribe("net.client.socket", count);
  t.after(() => unsubscribe("net.client.socket", count));
  await new TaskRunner(graph).close();
  assert.equal(connections, 1, "that of the stream");
});

test("a topic that is not there, and a broker that is not, are left to whoever reads", async () => {
  await using cluster = openCluster();
  await cluster.connectAhead(["no-such-topic"]);
  await using nobody = openCluster({ "bootstrap.servers": "127.0.0.1:1" });
  await nobody.connectAhead(["no-such-topic"]);
});

test("closing does not wait for a broker that is still being connected to", async (t) => {
  const accepted: Socket[] = [];
  const silent = createServer((socket) => void accepted.push(socket)).listen(0, "127.0.0.1");
  t.after(() => {
    for (const socket of accepted) socket.destroy();
    silent.close();
  });
  await once(silent, "listening");
  const { port } = silent.address() as { port: number };
  const cluster = openCluster({ "bootstrap.servers": `127.0.0.1:${port}`, ssl: {} });
  const ahead = cluster.connectAhead(["topic"]);
  await once(silent, "connection");
  const closed = performance.now();
  await cluster.close();
  await ahead;
  assert.ok(performance.now() - closed < 1_000, "the time for connecting is 3 s");
});

test("closing does not wait for a token that never comes", async (t) => {
  const greeting = createServer((socket) => {
    t.after(() => socket.destroy());
    // Takes the mechanism.
    socket.once("data", () => {
      const answer = Buffer.alloc(14);
      answer.writeInt32BE(answer.length - 4, 0);
      socket.write(answer);
    });
  }).listen(0, "127.0.0.1");
  t.after(() => greeting.close());
  await once(greeting, "listening");
  const { port } = greeting.address() as { port: number };
  const asked = Promise.withResolvers<void>();
  const token = () => {
    asked.resolve();
    return new Promise<string>(() => {});
  };
  const cluster = openCluster({
    "bootstrap.servers": `127.0.0.1:${port}`,
    sasl: { mechanism: "OAUTHBEARER", token },
  });
  const ahead = cluster.connectAhead(["topic"]);
  await asked.promise;
  await cluster.close();
  await ahead;
});
