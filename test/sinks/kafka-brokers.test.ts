import assert from "node:assert/strict";
import { channel } from "node:diagnostics_channel";
import { type TestContext, test } from "node:test";
import { defineJob, type Logger, runJob } from "millrace";
import { kafka } from "millrace/sinks";
import { startKafka } from "../../dev/kafka/index.ts";
import { freePorts } from "../../dev/kafka/ports.ts";
import { partitionOf } from "../../src/operators/partition.ts";
import { bootstrapServers, createTopic, inSync, leaders, withThreeBrokers } from "../helpers/kafka.ts";
import { startTcpProxy } from "../helpers/tcp-proxy.ts";
import { waitUntil } from "../helpers/wait-until.ts";
import { openCluster, readRecords, wholePartition } from "../kafka/read-all.ts";
import { commit, once, openSink, save } from "./save-partition.ts";

const INIT_PRODUCER_ID = 22;
const END_TXN = 26;

/** Called when a request of this kind is about to be sent, until the test ends. */
function onRequest(t: TestContext, key: number, called: () => void): void {
  const sent = channel("millrace:kafka:request");
  const told = (message: unknown) => {
    if ((message as { key: number }).key === key) called();
  };
  sent.subscribe(told);
  t.after(() => sent.unsubscribe(told));
}

async function committedValues(bootstrap: string, topic: string): Promise<(string | null)[]> {
  await using cluster = openCluster({ "bootstrap.servers": bootstrap, "isolation.level": "read_committed" });
  const [info] = await cluster.topics([topic]);
  const values: (string | null)[] = [];
  for (const { partition } of info!.partitions) {
    const records = await readRecords(cluster, await wholePartition(cluster, topic, partition));
    values.push(...records.map(({ value }) => value));
  }
  return values;
}

test("a sink whose brokers are away tells that it waits, and when they have answered", async (t) => {
  const topic = await createTopic(t);
  await using proxy = await startTcpProxy(Number(bootstrapServers().split(":")[1]));
  proxy.cut();
  const lines: [fields: object, message: string | undefined][] = [];
  const quiet = () => {};
  const logger: Logger = {
    ...{ debug: quiet, info: quiet, error: quiet },
    warn(...line) {
      lines.push(line as [object, string]);
      proxy.restore();
    },
  };
  const bootstrap = `127.0.0.1:${proxy.port}`;
  const sink = kafka<number>({ kafkaParams: { "bootstrap.servers": bootstrap }, topic, value: String });
  const job = defineJob(
    { appName: "copy", batchInterval: "20ms", master: "local", trigger: "availableNow", logger },
    (ssc) => ssc.queueStream([[1]]).saveTo(sink, { name: "copied" }),
  );
  await (await runJob(job)).awaitTermination();
  assert.equal(lines.length, 2);
  const [[fields, late], [, answered]] = lines as [(typeof lines)[0], (typeof lines)[0]];
  assert.deepEqual(fields, { output: "copied" });
  assert.match(late!, RegExp(`^output copied: no answer from Kafka yet, asking for up to 10 s: tried ${bootstrap}`));
  assert.match(answered!, /^output copied: Kafka answers again, after /);
});

for (const [what, values] of [
  ["a few values", ["a", "b"]],
  ["more than is held", Array.from({ length: 24 }, (_, i) => `${i}`.padEnd(800_000, "x"))],
] as const) {
  test(`when the answer of the commit of ${what} is lost, it is found out that it was committed, once`, (t) =>
    losesTheAnswer(t, values));
}

async function losesTheAnswer(t: TestContext, values: readonly string[]): Promise<void> {
  const [port] = (await freePorts(1)) as [number];
  await using proxy = await startTcpProxy(port);
  const bootstrap = `127.0.0.1:${proxy.port}`;
  const broker = await startKafka({ ports: [port], settings: { "advertised.listeners": `PLAINTEXT://${bootstrap}` } });
  t.after(() => broker.stop());
  const topic = await createTopic(t, { bootstrap });
  const sink = kafka<string>({ kafkaParams: { "bootstrap.servers": bootstrap }, topic, value: (v) => v });
  let commits = 0;
  onRequest(t, END_TXN, () => {
    if (++commits === 1) proxy.holdAnswers();
  });
  const saved = save(sink, values);
  await waitUntil(
    "the transaction is committed",
    async () => (await committedValues(bootstrap, topic)).length === values.length,
  );
  proxy.cut();
  proxy.restore();
  assert.equal(await saved, "written");
  assert.equal(commits, 1);
  assert.deepEqual(await committedValues(bootstrap, topic), values);
  assert.equal(await save(sink, values), "already written");
  assert.deepEqual(await committedValues(bootstrap, topic), values);
}

test("a transaction spans partitions of several brokers, and goes on when one of them dies", async (t) => {
  const cluster = await withThreeBrokers(t);
  const { bootstrap } = cluster;
  const topic = await createTopic(t, {
    bootstrap,
    assignments: [
      [1, 2, 3],
      [2, 3, 1],
      [3, 1, 2],
    ],
  });
  const sink = kafka<string>({ kafkaParams: { "bootstrap.servers": bootstrap }, topic, value: (v) => v });
  assert.equal(await save(sink, ["a", "b", "c"]), "written");
  const seen = async () => (await committedValues(bootstrap, topic)).sort();
  // The coordinator has decided; that it has told every broker takes a moment more.
  await waitUntil("all of it is seen", async () => (await seen()).length === 3);
  await waitUntil("what the sink notes is on as many brokers as what it writes", async () =>
    (await inSync("millrace-progress", bootstrap)).every((brokers) => brokers.length === 3),
  );

  const { definition, connection } = await openSink(sink);
  t.after(() => definition.close(connection));
  const values = (async function* () {
    yield ["d", "e", "f"];
    await cluster.killBroker(2);
  })();
  const second = { ...commit, seq: 2 };
  assert.equal(await definition.commitPartition(connection, partitionOf(values), second), "written");
  assert.ok(!(await leaders(topic, bootstrap.split(",")[0])).includes(2));
  assert.equal(await save(sink, ["d", "e", "f"], { seq: 2 }), "already written");
  await waitUntil("the rest is seen", async () => (await seen()).length === 6);
  assert.deepEqual(await seen(), ["a", "b", "c", "d", "e", "f"]);
});

test("two attempts of one partition in one process take turns: neither fences the other", async (t) => {
  const topic = await createTopic(t);
  const progressTopic = await createTopic({ name: "progress" }, { configs: { "cleanup.policy": "compact" } });
  const params = { kafkaParams: { "bootstrap.servers": bootstrapServers() }, progressTopic };
  const sink = kafka<string>({ ...params, topic, value: (v) => v });
  const { definition, connection } = await openSink(sink);
  t.after(() => definition.close(connection));
  const requests: ("begin" | "end")[] = [];
  onRequest(t, INIT_PRODUCER_ID, () => requests.push("begin"));
  onRequest(t, END_TXN, () => requests.push("end"));
  let second: Promise<string> | undefined;
  const values = (async function* () {
    second = definition.commitPartition(connection, partitionOf(once(["a", "b"])), commit);
    // Meanwhile another partition is written from its beginning to its end: time enough for the second attempt to begin, if it could.
    await definition.commitPartition(connection, partitionOf(once(["c"])), { ...commit, partition: 1 });
    yield ["a", "b"];
  })();
  assert.equal(await definition.commitPartition(connection, partitionOf(values), commit), "written");
  assert.equal(await second, "already written");
  assert.deepEqual((await committedValues(bootstrapServers(), topic)).sort(), ["a", "b", "c"]);
  // The second attempt begins when the first has committed; more than once when the broker is still at that.
  const firstCommitted = requests.lastIndexOf("end");
  assert.deepEqual(requests.slice(0, firstCommitted + 1), ["begin", "begin", "end", "end"]);
  assert.ok(requests.length > firstCommitted + 1);
});
