import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { test } from "node:test";
import { runKafkaTool } from "../../dev/kafka/index.ts";
import { bootstrapServers, createTopic, leaders, moveLeader, withThreeBrokers } from "./kafka.ts";
import { assertNothingLeft } from "./open-resources.ts";
import { openTransactionalProducer, produce, produceMany } from "./produce.ts";
import { startTcpProxy } from "./tcp-proxy.ts";

async function consume(topic: string, ...more: string[]): Promise<string[]> {
  const { stdout } = await runKafkaTool("org.apache.kafka.tools.consumer.ConsoleConsumer", [
    "--bootstrap-server",
    bootstrapServers(),
    "--topic",
    topic,
    "--from-beginning",
    ...more,
  ]);
  return stdout.trim().split("\n");
}

test("what a test writes, Kafka's own consumer reads", async (t) => {
  assertNothingLeft(t);
  const topic = await createTopic(t, { partitions: 2 });
  await produce(topic, [
    { key: "k", value: "one", headers: { h: "1" }, timestamp: 1_700_000_000_000 },
    { value: null, partition: 1 },
    { key: "ü", value: "two" },
  ]);
  const print = ["timestamp", "key", "headers", "partition", "offset"].flatMap((what) => [
    "--formatter-property",
    `print.${what}=true`,
  ]);
  const lines = await consume(topic, "--max-messages", "3", ...print);
  assert.match(
    lines.find((line) => line.includes("one"))!,
    /CreateTime:1700000000000\tPartition:0\tOffset:0\th:1\tk\tone/,
  );
  assert.match(lines.find((line) => line.includes("two"))!, /Partition:0\tOffset:1\tNO_HEADERS\tü\ttwo/);
  assert.match(lines.find((line) => line.includes("Partition:1"))!, /Offset:0\tNO_HEADERS\tnull\tnull/);
});

test("many records arrive in several batches", async (t) => {
  const topic = await createTopic(t);
  await produceMany(topic, 2_000, (i) => `${i} ${"x".repeat(1_000)}`);
  const lines = await consume(topic, "--max-messages", "2000");
  assert.deepEqual(
    lines.map((line) => Number.parseInt(line, 10)),
    Array.from({ length: 2_000 }, (_, i) => i),
  );
});

test("an aborted transaction is written and is not read by who reads what is committed", async (t) => {
  assertNothingLeft(t);
  const topic = await createTopic(t);
  {
    await using producer = openTransactionalProducer(topic);
    const first = await producer.begin();
    await first.write([{ value: "aborted" }]);
    await first.abort();
    const second = await producer.begin();
    await second.write([{ value: "committed" }]);
    await second.commit();
  }
  const all = await consume(topic, "--max-messages", "2", "--isolation-level", "read_uncommitted");
  assert.deepEqual(all, ["aborted", "committed"]);
  assert.deepEqual(await consume(topic, "--max-messages", "1", "--isolation-level", "read_committed"), ["committed"]);
});

test("leaders move when asked, when a broker stops and when it is killed", async (t) => {
  const kafka = await withThreeBrokers(t);
  const { bootstrap } = kafka;
  const topic = await createTopic(t, {
    bootstrap,
    assignments: [
      [1, 2],
      [2, 3],
    ],
  });
  assert.deepEqual(await leaders(topic, bootstrap), [1, 2]);
  await moveLeader(kafka, topic, 1, 3);
  assert.deepEqual(await leaders(topic, bootstrap), [1, 3]);
  await kafka.stopBroker(1);
  assert.equal((await leaders(topic, bootstrap))[0], 2);
  await kafka.startBroker(1);
  assert.equal((await leaders(topic, bootstrap))[0], 2);
});

test("a proxy passes, stalls, restores and cuts", async (t) => {
  assertNothingLeft(t);
  const echo = createServer((socket) => socket.on("error", () => {}).pipe(socket)).listen(0, "127.0.0.1");
  await once(echo, "listening");
  try {
    const { port } = echo.address() as AddressInfo;
    await using proxy = await startTcpProxy(port);
    const socket = connect(proxy.port, "127.0.0.1");
    socket.write("a");
    assert.equal(String((await once(socket, "data"))[0]), "a");
    proxy.stall();
    socket.write("b");
    let passed = false;
    socket.once("data", () => {
      passed = true;
    });
    await roundTrip(port); // what is not stalled has arrived by now
    assert.equal(passed, false);
    proxy.restore();
    assert.equal(String((await once(socket, "data"))[0]), "b");
    proxy.cut();
    await assert.rejects(once(socket, "close"), { code: "ECONNRESET" });
    await assert.rejects(once(connect(proxy.port, "127.0.0.1"), "data"), { code: "ECONNRESET" });
    assert.equal(proxy.accepted, 2);
  } finally {
    await new Promise((closed) => echo.close(closed));
  }
});

async function roundTrip(port: number): Promise<void> {
  const socket = connect(port, "127.0.0.1");
  socket.write("x");
  await once(socket, "data");
  socket.destroy();
}

test("a socket or a timer that a test leaves open is found", async () => {
  const left = async (open: () => { [Symbol.dispose](): void }) => {
    let hook: () => unknown = () => {};
    const after = (fn: unknown) => {
      hook = fn as () => unknown;
    };
    assertNothingLeft({ after });
    using _open = open();
    await hook();
  };
  const timer = () => {
    const running = setInterval(() => {}, 1_000);
    return { [Symbol.dispose]: () => clearInterval(running) };
  };
  const server = () => {
    const listening = createServer().listen(0);
    return { [Symbol.dispose]: () => void listening.close() };
  };
  await assert.rejects(left(timer), /left these open/);
  await assert.rejects(left(server), /left these open/);
  await left(() => ({ [Symbol.dispose]() {} }));
});
