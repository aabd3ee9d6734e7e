/** What a direct stream does when records are gone before it has read them: `failOnDataLoss`. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { SliceableBuffer } from "../../src/decoders/index.ts";
import { lossAt } from "../../src/kafka/data-loss.ts";
import type { FetchedPartition } from "../../src/kafka/reading/fetch.ts";
import { offsetOutOfRange } from "../../src/kafka/reading/offsets-lost.ts";
import { readFetches } from "../../src/kafka/reading/range-reader.ts";
import type { DataLoss } from "../../src/model/events.ts";
import { encodeBatch } from "../../src/testing/broker/encode-batch.ts";
import { assertRefused } from "../helpers/assert-error.ts";
import { valuesOf } from "../helpers/chunk-values.ts";
import { type HeldStreamOptions, holdStream } from "../helpers/held-stream.ts";
import { createAgain, createTopic, deleteRecordsBefore, deleteTopic } from "../helpers/kafka.ts";
import { openTransactionalProducer, produceMany } from "../helpers/produce.ts";
import { decoders } from "./read-all.ts";

const earliest = { params: { "auto.offset.reset": "earliest" } } as const;
const lenient = { ...earliest, stream: { failOnDataLoss: false } } as const;
const hint = /cannot be read again.*failOnDataLoss: false/;
const lines = (from: number, until: number) =>
  Array.from({ length: until - from }, (_, i) => `0:${from + i}=${from + i}`);

/** Offsets 0 to 5 are read, 10 are there, and those before 8 are gone. */
async function withExpired(
  t: Parameters<typeof createTopic>[0] & Parameters<typeof holdStream>[0],
  options: HeldStreamOptions,
) {
  const topic = await createTopic(t);
  await produceMany(topic, 5, String);
  const stream = await holdStream(t, [topic], options);
  const first = await stream.batch();
  await produceMany(topic, 5, (i) => String(i + 5));
  await deleteRecordsBefore(topic, 8);
  return { topic, stream, first };
}

test("records that expired before they were planned fail the stream, and the error names them", async (t) => {
  const { topic, stream, first } = await withExpired(t, earliest);
  assert.deepEqual(first, lines(0, 5));
  const error = await assertRefused(
    Promise.reject(await stream.failure()),
    "OFFSETS_LOST",
    new RegExp(
      `OffsetRange\\(topic: '${topic}', partition: 0, range: \\[5 -> 8\\]\\): it stands at offset 5 .*before 8 are deleted`,
    ),
    hint,
  );
  assert.deepEqual(error.at, { topic, partition: 0, offset: 5 });
});

test("with failOnDataLoss: false they are told, in an event and in the log, and the rest is read", async (t) => {
  const warnings: string[] = [];
  const logger = { debug() {}, info() {}, error() {}, warn: (_: object, message = "") => void warnings.push(message) };
  const { topic, stream } = await withExpired(t, { ...lenient, logger });
  assert.deepEqual(await stream.batch(), lines(8, 10));
  const range = { topic, partition: 0, fromOffset: 5, untilOffset: 8 };
  assert.deepEqual(stream.losses, [{ range, reason: "expired" }]);
  assert.equal(warnings.length, 1);
  assert.match(warnings[0]!, /range: \[5 -> 8\]\) is lost \(expired\); the stream goes on without it/);
  await produceMany(topic, 1, () => "10");
  assert.deepEqual(await stream.batch(), lines(10, 11));
  assert.equal(stream.losses.length, 1, "told once");
});

test('with "auto.offset.reset": "latest" it goes on at the end, and tells all that it leaves out; with "none" at the first record', async (t) => {
  const latest = await withExpired(t, { stream: { failOnDataLoss: false, fromOffsets: {} } });
  assert.deepEqual(await latest.stream.batch(), []);
  const at = { topic: latest.topic, partition: 0 };
  assert.deepEqual(latest.stream.losses, [{ range: { ...at, fromOffset: 5, untilOffset: 10 }, reason: "expired" }]);
  const topic = await createTopic(t);
  await produceMany(topic, 3, String);
  const none = await holdStream(t, [topic], {
    params: { "auto.offset.reset": "none" },
    stream: { failOnDataLoss: false, fromOffsets: { [topic]: { 0: 0 } } },
  });
  await deleteRecordsBefore(topic, 2);
  assert.deepEqual(await none.batch(), lines(2, 3));
});

test("what is lost is not told again after a restart, and a restart goes on behind it", async (t) => {
  const { topic, stream } = await withExpired(t, { ...lenient, engine: { maxRatePerPartition: 1 } });
  assert.deepEqual(await stream.batch(), lines(8, 9));
  await stream.stop();
  const again = await holdStream(t, [topic], { ...lenient, disk: stream.disk });
  assert.deepEqual(await again.batch(), lines(9, 10));
  assert.deepEqual(again.losses, []);
});

test("records that expire between the plan and the read: the rest of the range is read, and it is told once", async (t) => {
  const topic = await createTopic(t);
  await produceMany(topic, 10, String);
  const beforeReading = () => deleteRecordsBefore(topic, 4);
  // Read twice in the batch: once for the tasks of foreachPartition, before the records are gone.
  const stream = await holdStream(t, [topic], { ...lenient, beforeReading });
  assert.deepEqual(await stream.batch(), lines(4, 10));
  const range = { topic, partition: 0, fromOffset: 0, untilOffset: 4 };
  assert.deepEqual(stream.losses, [{ range, reason: "expired" }]);
  const strict = await holdStream(t, [topic], { ...earliest, beforeReading: () => deleteRecordsBefore(topic, 6) });
  await assertRefused(
    Promise.reject(await strict.failure()),
    "OFFSETS_LOST",
    /Offset 4 of .*-0 cannot be read: the records before offset 6 are deleted/,
    /failOnDataLoss: false/,
  );
});

test("a pending batch whose records are gone is refused at the start, and read as far as they are there when that is wanted", async (t) => {
  const topic = await createTopic(t);
  await produceMany(topic, 6, String);
  const beforeReading = () => {
    throw new Error("the output fails");
  };
  const before = await holdStream(t, [topic], { ...earliest, beforeReading });
  assert.match((await before.failure()).message, /the output fails/);
  await deleteRecordsBefore(topic, 4);
  await produceMany(topic, 2, (i) => String(i + 6));
  const { disk } = before;
  await assertRefused(holdStream(t, [topic], { ...earliest, disk }), "OFFSETS_LOST", /\[0 -> 4\]/, hint);
  const after = await holdStream(t, [topic], { ...lenient, disk });
  await after.batch();
  assert.deepEqual(after.reads, [lines(4, 6), lines(6, 8)]);
  const range = { topic, partition: 0, fromOffset: 0, untilOffset: 4 };
  assert.deepEqual(after.losses, [{ range, reason: "expired" }]);
});

test("a pending batch of a topic that was created again reads nothing of the new one, which follows from its first record", async (t) => {
  const topic = await createTopic(t);
  await produceMany(topic, 3, String);
  const beforeReading = () => {
    throw new Error("the output fails");
  };
  const before = await holdStream(t, [topic], { ...earliest, beforeReading });
  await before.failure();
  await deleteTopic(topic);
  await createAgain(topic);
  await produceMany(topic, 5, String);
  const after = await holdStream(t, [topic], { ...lenient, disk: before.disk });
  await after.batch();
  assert.deepEqual(after.reads, [[], lines(0, 5)]);
  const at = { topic, partition: 0 };
  assert.deepEqual(after.losses, [
    { range: { ...at, fromOffset: 0, untilOffset: 3 }, reason: "recreated" },
    { range: { ...at, fromOffset: 3, untilOffset: 3 }, reason: "recreated" },
  ]);
});

for (const grown of [2, 7]) {
  test(`a topic that is deleted, created again and has ${grown} records is not read as if it were the old one`, async (t) => {
    const topic = await createTopic(t);
    await produceMany(topic, 4, String);
    const limits = { engine: { maxRatePerPartition: 3 } };
    const strict = await holdStream(t, [topic], { ...earliest, ...limits });
    const stream = await holdStream(t, [topic], { ...lenient, ...limits });
    for (const each of [strict, stream]) assert.deepEqual(await each.batch(), lines(0, 3));
    await deleteTopic(topic);
    await createAgain(topic);
    await produceMany(topic, grown, String);
    await assertRefused(
      Promise.reject(await strict.failure()),
      "OFFSETS_LOST",
      /\[3 -> 4\]\): it stands at offset 3 .* the topic was deleted and created again/,
      hint,
    );
    assert.deepEqual(await stream.batch(), lines(0, Math.min(3, grown)));
    const range = { topic, partition: 0, fromOffset: 3, untilOffset: 4 };
    assert.deepEqual(stream.losses, [{ range, reason: "recreated" }]);
  });
}

test("a topic that was created again is noticed by the tasks when the driver has not looked since", async (t) => {
  const topic = await createTopic(t);
  await produceMany(topic, 2, String);
  const rarely = { "auto.offset.reset": "earliest", "metadata.max.age.ms": 3_600_000 } as const;
  const stream = await holdStream(t, [topic], { params: rarely, stream: { failOnDataLoss: false } });
  assert.deepEqual(await stream.batch(), lines(0, 2));
  await deleteTopic(topic);
  await createAgain(topic);
  await produceMany(topic, 5, String);
  assert.deepEqual(await stream.batch(), [], "planned by the offsets of the new topic and the id of the old one");
  const range = { topic, partition: 0, fromOffset: 2, untilOffset: 5 };
  assert.deepEqual(stream.losses, [{ range, reason: "recreated" }]);
  assert.deepEqual(await stream.batch(), lines(0, 5), "and then the driver looks at once");
});

test("a topic that was created again and has fewer records is not taken for one that was cut off", async (t) => {
  const topic = await createTopic(t);
  await produceMany(topic, 3, String);
  const rarely = { "auto.offset.reset": "earliest", "metadata.max.age.ms": 3_600_000 } as const;
  const stream = await holdStream(t, [topic], { params: rarely, stream: { failOnDataLoss: false } });
  assert.deepEqual(await stream.batch(), lines(0, 3));
  await deleteTopic(topic);
  await createAgain(topic);
  await produceMany(topic, 1, String);
  assert.deepEqual(await stream.batch(), lines(0, 1));
  const range = { topic, partition: 0, fromOffset: 3, untilOffset: 3 };
  assert.deepEqual(stream.losses, [{ range, reason: "recreated" }]);
});

test("read_committed: aborted records before the first that is left are no loss, and open transactions are waited for", async (t) => {
  const topic = await createTopic(t);
  await using producer = openTransactionalProducer(topic);
  const params = { ...earliest.params, "isolation.level": "read_committed" } as const;
  const stream = await holdStream(t, [topic], { params, stream: { failOnDataLoss: false } });
  const aborted = await producer.begin();
  await aborted.write([{ value: "no" }, { value: "no" }]);
  await aborted.abort();
  const open = await producer.begin();
  await open.write([{ value: "yes" }]);
  assert.deepEqual(await stream.batch(), []);
  await open.commit();
  assert.deepEqual(await stream.batch(), ["0:3=yes"]);
  assert.deepEqual(stream.losses, []);
});

test("what counts as lost, by where the stream stands and what the leader says", () => {
  const place = { topic: "t", partition: 1, topicId: "id", offset: 50, end: 70 };
  const judge = (
    topicId: string,
    earliest: number,
    latest: number,
    reset: "earliest" | "latest" | "none" = "earliest",
  ) => {
    const loss = lossAt(place, { topicId, earliest, latest }, reset);
    return loss && [loss.reason, loss.range.fromOffset, loss.range.untilOffset, loss.goOnAt];
  };
  assert.equal(judge("id", 0, 50), undefined);
  assert.equal(judge("id", 50, 90), undefined);
  assert.deepEqual(judge("id", 51, 90), ["expired", 50, 51, 51]);
  assert.deepEqual(judge("id", 51, 90, "latest"), ["expired", 50, 90, 90]);
  assert.deepEqual(judge("id", 51, 90, "none"), ["expired", 50, 51, 51]);
  // What lies before the new end has been read, so that is where to go on, whatever the reset.
  assert.deepEqual(judge("id", 0, 49), ["truncated", 49, 50, 49]);
  assert.deepEqual(judge("id", 0, 20, "latest"), ["truncated", 20, 50, 20]);
  assert.deepEqual(judge("other", 0, 90), ["recreated", 50, 70, 0]);
  assert.deepEqual(judge("other", 3, 90, "latest"), ["recreated", 50, 70, 90]);
  const gone = lossAt(place, undefined, "latest");
  assert.deepEqual(gone && [gone.reason, gone.range, gone.goOnAt], [
    "deleted",
    { topic: "t", partition: 1, fromOffset: 50, untilOffset: 70 },
    undefined,
  ]);
});

test("a log that was cut off and has grown past a place again is told by the leader epochs", () => {
  const place = { topic: "t", partition: 1, topicId: "id", offset: 50, end: 70, leaderEpoch: 3 };
  const judge = (earliest: number, latest: number, commonEnd: number | undefined) => {
    const loss = lossAt(place, { topicId: "id", earliest, latest, leaderEpoch: 4, commonEnd }, "latest");
    return loss && [loss.reason, loss.range.fromOffset, loss.range.untilOffset, loss.goOnAt];
  };
  assert.deepEqual(judge(0, 90, 49), ["truncated", 49, 50, 49]);
  assert.equal(judge(0, 90, 50), undefined, "what follows was not read yet");
  assert.equal(judge(0, 90, 80), undefined);
  assert.equal(judge(0, 90, undefined), undefined, "the leader did not change, or does not know the epoch");
  assert.deepEqual(judge(0, 45, 20), ["truncated", 20, 50, 20], "what the new leader has from 20 on was never read");
  assert.deepEqual(judge(30, 90, 20), ["truncated", 20, 50, 30], "and some of it has expired");
  assert.deepEqual(judge(60, 90, 20), ["expired", 50, 90, 90]);
});

test("what a later leader has written into a planned range is not read for what was planned", async () => {
  const range = { topic: "t", partition: 0, fromOffset: 2, untilOffset: 8 };
  // Three records each, written under these leaders from offset 0 on.
  const read = async (epochs: readonly number[], leaderEpoch: number | undefined, perFetch = epochs.length) => {
    const log = epochs.map((epoch, i) => {
      const records = [0, 1, 2].map((n) => ({
        timestamp: 1,
        key: null,
        value: Buffer.from(`${3 * i + n}`),
        headers: [],
      }));
      const batch = encodeBatch(records, 3 * i);
      batch.writeInt32BE(epoch, 12);
      return batch;
    });
    const fetch = async (offset: number): Promise<FetchedPartition> => {
      const first = Math.floor(offset / 3);
      const buffer = Buffer.concat(log.slice(first, first + perFetch)) as SliceableBuffer;
      const ends = { highWatermark: 3 * log.length, lastStableOffset: 3 * log.length };
      const bytes = { buffer, recordsStart: 0, recordsEnd: buffer.length };
      return { code: 0, throttleTimeMs: 0, abortedTransactions: [], ...ends, ...bytes };
    };
    const [values, losses]: [(string | null)[], DataLoss[]] = [[], []];
    const onDataLoss = (loss: DataLoss) => void losses.push(loss);
    const options = { decoders, maxBytes: 1024, readCommitted: false };
    const planned = { ...range, leaderEpoch };
    let failure: unknown;
    try {
      for await (const _ of readFetches(fetch, planned, options));
    } catch (error) {
      failure = error;
    }
    for await (const chunk of readFetches(fetch, planned, { ...options, onDataLoss })) {
      for (const { value } of valuesOf(chunk)) values.push(value);
    }
    return { values: values.join(), losses, failure };
  };
  const all = { values: "2,3,4,5,6,7", losses: [], failure: undefined };
  assert.deepEqual(await read([5, 5, 6, 9], 6), all, "later records behind the range are none of it");
  assert.deepEqual(await read([5, 9, 9], undefined), all, "a plan of an earlier release does not say its leader");
  for (const perFetch of [1, 3]) {
    const { values, losses, failure } = await read([5, 6, 7], 6, perFetch);
    assert.equal(values, "2,3,4,5");
    assert.deepEqual(losses, [{ range: { ...range, fromOffset: 6 }, reason: "truncated" }]);
    await assertRefused(Promise.reject(failure), "OFFSETS_LOST", /records of t-0 from offset 6 to 8 are gone/, hint);
  }
  const none = await read([7, 7, 7], 6);
  assert.equal(none.values, "");
  assert.deepEqual(none.losses, [{ range, reason: "truncated" }]);
});

test("a range that was cut off is read as far as it goes, when the answers of a leader say so", async () => {
  const range = { topic: "t", partition: 0, fromOffset: 60, untilOffset: 100 };
  const read = async (onDataLoss?: (loss: DataLoss) => void) => {
    const fetch = () => Promise.reject(offsetOutOfRange(range, 60, 0, 40));
    const chunks = readFetches(fetch, range, { decoders, onDataLoss, maxBytes: 1024, readCommitted: false });
    for await (const _ of chunks) assert.fail("nothing is there");
  };
  await assertRefused(read(), "OFFSETS_LOST", /Offset 60 of t-0 cannot be read: the partition ends at offset 40/, hint);
  const losses: DataLoss[] = [];
  await read((loss) => losses.push(loss));
  assert.deepEqual(losses, [{ range, reason: "truncated" }]);
});
