import assert from "node:assert/strict";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { join } from "node:path";
import { test } from "node:test";
import { runKafkaTool } from "../../dev/kafka/index.ts";
import type { KafkaCluster } from "../../src/kafka/connection/cluster.ts";
import { PartitionFetcher } from "../../src/kafka/reading/partition-fetcher.ts";
import { readRange } from "../../src/kafka/reading/range-reader.ts";
import { findBatches } from "../../src/kafka/reading/record-batch.ts";
import { bootstrapServers, createTopic, deleteTopic } from "../helpers/kafka.ts";
import { assertNothingLeft } from "../helpers/open-resources.ts";
import { openTransactionalProducer, produce, produceMany } from "../helpers/produce.ts";
import { FETCH } from "../helpers/requests.ts";
import { waitUntil } from "../helpers/wait-until.ts";
import { asAdmin, decoders, openCluster, readRecords, wholePartition } from "./read-all.ts";

const values = (records: readonly { value: string | null }[]) => records.map(({ value }) => value);
const offsets = (records: readonly { offset: number }[]) => records.map(({ offset }) => offset);
const numbers = (from: number, until: number) => Array.from({ length: until - from }, (_, i) => from + i);

/** Waits for a partition to end at an offset, markers included. */
const untilEnd = (cluster: KafkaCluster, topic: string, end: number) =>
  waitUntil(`${topic} ends at ${end}`, async () => (await wholePartition(cluster, topic)).untilOffset === end);

test("what Kafka's Java producer writes by each codec is read", async (t) => {
  const codecs = ["none", "gzip", "snappy", "lz4", "zstd"];
  const topics = await Promise.all(codecs.map(() => createTopic(t)));
  const lines = numbers(0, 2_000).map((i) => `k${i}\t${i} ${"é€".repeat(i % 7)} ${"x".repeat(i % 50)}`);
  const pairs = codecs.flatMap((codec, i) => [topics[i]!, codec]);
  const source = join(import.meta.dirname, "CodecProducer.java");
  await runKafkaTool(source, [bootstrapServers(), ...pairs], { input: lines.join("\n") });
  await using cluster = openCluster();
  for (const [number, topic] of topics.entries()) {
    const records = await readRecords(cluster, await wholePartition(cluster, topic));
    assert.deepEqual(
      records.map(({ key, value }) => `${key}\t${value}`),
      lines,
    );
    const fetched = await new PartitionFetcher(cluster, { topic, partition: 0 }, undefined).fetch(0, 2 ** 20);
    const used = findBatches(fetched, 0, { topic, partition: 0 }).batches.map((batch) => batch.codec);
    assert.deepEqual([...new Set(used)], [number], "the topic is written by that codec");
  }
});

test("keys, values, headers and timestamps come as written, null and empty ones too", async (t) => {
  assertNothingLeft(t);
  const topic = await createTopic(t);
  await produce(topic, [
    { key: "k", value: "v", timestamp: 1_700_000_000_123, headers: { trace: "1", ключ: "é" } },
    { key: "", value: "", timestamp: 1_700_000_000_000 },
  ]);
  await produce(topic, [{ key: null, value: null, timestamp: 5 }]);
  await using cluster = openCluster();
  const records = await readRecords(cluster, await wholePartition(cluster, topic));
  assert.deepEqual(
    records.map(({ key, value, timestamp, timestampType }) => [key, value, timestamp, timestampType]),
    [
      ["k", "v", 1_700_000_000_123, "CreateTime"],
      ["", "", 1_700_000_000_000, "CreateTime"],
      [null, null, 5, "CreateTime"],
    ],
  );
  const [first, second] = records.map(({ headers }) => headers);
  assert.deepEqual(
    first!.map(({ key, value }) => [key, String(value)]),
    [
      ["trace", "1"],
      ["ключ", "é"],
    ],
  );
  assert.deepEqual(second, []);
});

test("a range may start and end in the middle of a batch", async (t) => {
  const topic = await createTopic(t);
  await produceMany(topic, 100, String);
  await using cluster = openCluster();
  const whole = await wholePartition(cluster, topic);
  for (const [fromOffset, untilOffset] of [
    [0, 100],
    [17, 18],
    [17, 63],
    [99, 100],
    [40, 40],
  ] as const) {
    const records = await readRecords(cluster, { ...whole, fromOffset, untilOffset });
    assert.deepEqual(offsets(records), numbers(fromOffset, untilOffset));
    assert.deepEqual(values(records), numbers(fromOffset, untilOffset).map(String));
  }
});

test("records larger than a fetch come whole", async (t) => {
  const topic = await createTopic(t);
  await produce(topic, [{ value: "a" }]);
  await produce(topic, [{ value: "b".repeat(400_000) }]);
  await produce(topic, [{ value: "c".repeat(300_000) }]);
  await using cluster = openCluster({ "max.partition.fetch.bytes": 1_000, "fetch.max.bytes": 1_000 });
  const records = await readRecords(cluster, await wholePartition(cluster, topic));
  assert.deepEqual(
    records.map(({ value }) => `${value![0]}${value!.length}`),
    ["a1", "b400000", "c300000"],
  );
});

test("many fetches give every record once, whatever their size", async (t) => {
  const topic = await createTopic(t);
  for (const part of numbers(0, 8)) await produceMany(topic, 500, (i) => `${part * 500 + i}`);
  for (const size of [1, 6_000, 20_000]) {
    await using cluster = openCluster({ "max.partition.fetch.bytes": size });
    const records = await readRecords(cluster, await wholePartition(cluster, topic));
    assert.deepEqual(values(records), numbers(0, 4_000).map(String));
  }
});

test("under LogAppendTime the broker's time is what counts", async (t) => {
  const topic = await createTopic(t, { configs: { "message.timestamp.type": "LogAppendTime" } });
  const before = Date.now();
  await produce(topic, [
    { value: "a", timestamp: 1_000 },
    { value: "b", timestamp: 2_000 },
  ]);
  await using cluster = openCluster();
  for (const { timestamp, timestampType } of await readRecords(cluster, await wholePartition(cluster, topic))) {
    assert.equal(timestampType, "LogAppendTime");
    assert.ok(timestamp >= before - 1_000 && timestamp <= Date.now() + 1_000);
  }
});

test("gaps that compaction leaves are passed", async (t) => {
  const topic = await createTopic(t, {
    configs: {
      "cleanup.policy": "compact",
      "segment.ms": "100",
      "min.cleanable.dirty.ratio": "0.01",
      "min.compaction.lag.ms": "0",
      "max.compaction.lag.ms": "100",
    },
  });
  for (const round of numbers(0, 5)) {
    await produce(
      topic,
      numbers(0, 20).map((i) => ({ key: `k${i % 10}`, value: `${round}-${i}` })),
    );
  }
  await using cluster = openCluster();
  const whole = await wholePartition(cluster, topic);
  let records = await readRecords(cluster, whole);
  await waitUntil("the log is compacted", async () => {
    await produce(topic, [{ key: "tick", value: "t" }]); // a new record rolls the segment
    records = await readRecords(cluster, whole);
    return records.length < 100;
  });
  const last = new Map(records.map(({ key, value }) => [key, value]));
  assert.deepEqual(last, new Map(numbers(10, 20).map((i) => [`k${i % 10}`, `4-${i}`])));
  assert.deepEqual(
    offsets(records),
    offsets(records).toSorted((a, b) => a - b),
  );
});

test("a range that holds only a transaction's marker is empty and ends", async (t) => {
  const topic = await createTopic(t);
  await using producer = openTransactionalProducer(topic);
  const transaction = await producer.begin();
  await transaction.write([{ value: "a" }]);
  await transaction.commit();
  await using cluster = openCluster();
  await untilEnd(cluster, topic, 2);
  const whole = await wholePartition(cluster, topic);
  assert.deepEqual(await readRecords(cluster, { ...whole, fromOffset: 1 }), []);
});

test("read_committed leaves out what was rolled back, read_uncommitted does not", async (t) => {
  assertNothingLeft(t);
  const topic = await createTopic(t);
  {
    await using one = openTransactionalProducer(topic);
    await using other = openTransactionalProducer(topic);
    const write = async (producer: typeof one, value: string, end: "commit" | "abort") => {
      const transaction = await producer.begin();
      await transaction.write([{ value: `${value}1` }]);
      await transaction.write([{ value: `${value}2` }]);
      await transaction[end]();
    };
    await write(one, "a", "abort");
    await write(one, "b", "abort"); // twice from one producer
    await write(one, "c", "commit");
    const open = await one.begin();
    await open.write([{ value: "d1" }]);
    await write(other, "e", "commit"); // in between
    await open.abort();
    await write(other, "f", "abort");
    await produce(topic, [{ value: "plain" }]);
  }
  {
    // Markers are written a moment after the answer: 12 records, 6 markers.
    await using cluster = openCluster({ "isolation.level": "read_committed" });
    await untilEnd(cluster, topic, 18);
  }
  for (const size of [1, 150, 2 ** 20]) {
    // The smaller a fetch, the more often a marker is in a later response than its records.
    const params = { "max.partition.fetch.bytes": size };
    await using committed = openCluster({ ...params, "isolation.level": "read_committed" });
    assert.deepEqual(values(await readRecords(committed, await wholePartition(committed, topic))), [
      "c1",
      "c2",
      "e1",
      "e2",
      "plain",
    ]);
    await using uncommitted = openCluster(params);
    const all = values(await readRecords(uncommitted, await wholePartition(uncommitted, topic)));
    assert.deepEqual(all, ["a1", "a2", "b1", "b2", "c1", "c2", "d1", "e1", "e2", "f1", "f2", "plain"]);
  }
});

test("read_committed ends before a transaction that is still open", async (t) => {
  const topic = await createTopic(t);
  await produce(topic, [{ value: "before" }]);
  await using producer = openTransactionalProducer(topic);
  const open = await producer.begin();
  await open.write([{ value: "open" }]);
  await using committed = openCluster({ "isolation.level": "read_committed" });
  const range = await wholePartition(committed, topic);
  assert.equal(range.untilOffset, 1);
  assert.deepEqual(values(await readRecords(committed, range)), ["before"]);
  await using uncommitted = openCluster();
  assert.equal((await wholePartition(uncommitted, topic)).untilOffset, 2);
  await open.commit();
});

test("offsets that were deleted are an error that says where the log starts now", async (t) => {
  const topic = await createTopic(t);
  await produceMany(topic, 10, String);
  await using cluster = openCluster();
  const whole = await wholePartition(cluster, topic);
  await asAdmin((admin) =>
    admin.deleteRecords({ topics: [{ name: topic, partitions: [{ partition: 0, offset: 4n }] }] }),
  );
  await assert.rejects(readRecords(cluster, whole), {
    code: "OFFSETS_LOST",
    message: /Offset 0 .*before offset 4 are deleted/,
    at: { topic, partition: 0, offset: 0 },
  });
  assert.deepEqual(values(await readRecords(cluster, { ...whole, fromOffset: 4 })), ["4", "5", "6", "7", "8", "9"]);
  await assert.rejects(readRecords(cluster, { ...whole, fromOffset: 20, untilOffset: 30 }), {
    code: "OFFSETS_LOST",
    message: /ends at offset 10/,
  });
});

test("a topic that was deleted, or deleted and created again, is an error that says so", async (t) => {
  const topic = await createTopic(t);
  await produceMany(topic, 10, String);
  await using cluster = openCluster();
  await using other = openCluster();
  const whole = await wholePartition(cluster, topic);
  await deleteTopic(topic);
  await assert.rejects(readRecords(cluster, whole), { code: "OFFSETS_LOST", message: /is gone/ });
  await asAdmin((admin) => admin.createTopics({ topics: [topic], partitions: 1, replicas: 1 }));
  await produceMany(topic, 10, String);
  const again = { code: "OFFSETS_LOST", message: /was deleted and created again/ };
  await assert.rejects(readRecords(cluster, whole), again);
  await assert.rejects(readRecords(other, whole), again);
});

test("an aborted signal ends a read with its reason, and a reader that stops early leaves nothing behind", async (t) => {
  assertNothingLeft(t);
  const topic = await createTopic(t);
  for (const part of numbers(0, 5)) await produceMany(topic, 10, (i) => `${part}-${i}`);
  await using cluster = openCluster({ "max.partition.fetch.bytes": 1 });
  const whole = await wholePartition(cluster, topic);
  const stop = new AbortController();
  const reason = new Error("enough");
  const reading = (async () => {
    for await (const _ of readRange(cluster, whole, { decoders, signal: stop.signal })) stop.abort(reason);
  })();
  await assert.rejects(reading, reason);
  for await (const chunk of readRange(cluster, whole, { decoders })) {
    assert.equal(chunk.length, 10);
    break;
  }
  // What the broker has no answer to yet ends at once as well.
  const past = { ...whole, fromOffset: 50, untilOffset: 60 };
  await assert.rejects(readRecords(cluster, past, { signal: AbortSignal.timeout(20) }), { name: "TimeoutError" });
});

test("an aborted signal ends a read at once also while the broker waits for records", async (t) => {
  const topic = await createTopic(t);
  await produce(topic, [{ value: "read" }]);
  await using cluster = openCluster({ "fetch.max.wait.ms": 30_000 });
  const beyondTheEnd = { ...(await wholePartition(cluster, topic)), untilOffset: 10 };
  const stop = new AbortController();
  const reason = new Error("enough");
  let asked = 0;
  let abortedAt = 0;
  // The second one is asked for while the answer to the first is decoded.
  const abortAtSecond = (request: unknown) => {
    if ((request as { key: number }).key !== FETCH || ++asked < 2) return;
    setImmediate(() => {
      abortedAt = performance.now();
      stop.abort(reason);
    });
  };
  subscribe("millrace:kafka:request", abortAtSecond);
  t.after(() => unsubscribe("millrace:kafka:request", abortAtSecond));
  await assert.rejects(readRecords(cluster, beyondTheEnd, { signal: stop.signal }), reason);
  assert.equal(asked, 2);
  assert.ok(performance.now() - abortedAt < 5_000, "the broker answers after 30 s");
});

test("bytes are counted as they arrive", async (t) => {
  const topic = await createTopic(t);
  await produce(topic, [{ value: "x".repeat(10_000) }]);
  await using cluster = openCluster();
  let bytes = 0;
  const onBytes = (n: number) => {
    bytes += n;
  };
  for await (const _ of readRange(cluster, await wholePartition(cluster, topic), { decoders, onBytes }));
  assert.ok(bytes > 10_000 && bytes < 11_000, `${bytes}`);
});
