import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { crc32c } from "@node-rs/crc32";
import fc from "fast-check";
import { bytes, resolveDecoder, type SliceableBuffer } from "../../src/decoders/index.ts";
import type { FetchedPartition } from "../../src/kafka/reading/fetch.ts";
import { type Fetch, readFetches } from "../../src/kafka/reading/range-reader.ts";
import { MillraceError } from "../../src/model/errors.ts";
import { valuesOf } from "../helpers/chunk-values.ts";
import { type BatchToWrite, BatchWriter } from "./batch-writer.ts";
import { batchPositions, expectedRecords, fetchFrom, modelLog, plainLog } from "./model-log.ts";

const place = { topic: "t", partition: 3 };
const raw = resolveDecoder(bytes);

let writer: BatchWriter;
before(async () => {
  writer = await BatchWriter.start();
});
after(() => writer[Symbol.asyncDispose]());

function read(
  fetch: Fetch,
  fromOffset: number,
  untilOffset: number,
  { maxBytes = 2 ** 20, readCommitted = false } = {},
) {
  const records: object[] = [];
  const range = { ...place, fromOffset, untilOffset };
  const done = (async () => {
    const chunks = readFetches(fetch, range, { decoders: { key: raw, value: raw }, maxBytes, readCommitted });
    for await (const chunk of chunks) {
      for (const { offset, timestamp, timestampType, key, value, headers } of valuesOf(chunk)) {
        records.push({ offset, timestamp, timestampType, key: copy(key), value: copy(value), headers: pairs(headers) });
      }
    }
  })();
  return { records, done };
}

const copy = (view: Uint8Array | null) => view && Buffer.from(view).toString("hex");
const pairs = (headers: readonly { key: string; value: Uint8Array | null }[]) =>
  headers.map(({ key, value }) => [key, copy(value)]);

function comparable(records: ReturnType<typeof expectedRecords>): object[] {
  return records.map(({ key, value, headers, ...rest }) => ({
    ...rest,
    key: copy(key),
    value: copy(value),
    headers: headers.map(([name, bytes]) => [name, copy(bytes)]),
  }));
}

test("whatever Kafka's own client writes is read as it was written", async () => {
  const anyRange = fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.double({ min: 0, max: 1, noNaN: true }));
  const maxBytes = fc.constantFrom(1, 100, 500, 3_000, 2 ** 20);
  await fc.assert(
    fc.asyncProperty(
      modelLog,
      anyRange,
      maxBytes,
      fc.boolean(),
      fc.boolean(),
      async (log, range, maxBytes, readCommitted, wholeFirst) => {
        const start = log.batches[0]!.baseOffset;
        const end = readCommitted ? log.lastStableOffset : log.endOffset;
        const [from, until] = range.map((part) => start + Math.round(part * (end - start))).sort((a, b) => a - b) as [
          number,
          number,
        ];
        const fetch = fetchFrom(log, await writer.write(log.batches), { readCommitted, wholeFirst });
        const { records, done } = read(fetch, from, until, { maxBytes, readCommitted });
        await done;
        assert.deepEqual(records, comparable(expectedRecords(log, from, until, readCommitted)));
      },
    ),
    { numRuns: 300 },
  );
});

/** Flips one bit of a batch, between two of its bytes, in a log without gaps. */
const damage = (firstByte: number, endByte?: number) =>
  fc.tuple(plainLog, fc.nat(), fc.nat(), fc.nat(7)).map(([log, batch, byte, bit]) => ({
    log,
    batch: log.batches[1 + (batch % (log.batches.length - 1))]!,
    async write() {
      const bytes = await writer.write(log.batches);
      const positions = batchPositions(bytes);
      const [start, end] = positions.slice(log.batches.indexOf(this.batch)) as [number, number];
      bytes[start + firstByte + (byte % ((endByte ?? end - start) - firstByte))]! ^= 1 << bit;
      return fetchFrom(log, bytes, { positions });
    },
  }));

type Damaged = ReturnType<typeof damage> extends fc.Arbitrary<infer D> ? D : never;

async function corruptionIn({ log, batch }: Damaged, fetch: Fetch, maxBytes: number): Promise<MillraceError> {
  const { records, done } = read(fetch, START, log.endOffset, { maxBytes });
  const error = await done.then(
    () => assert.fail("nothing was found"),
    (error: unknown) => error,
  );
  assert.ok(MillraceError.is(error, "CORRUPT_RECORD"), String(error));
  const { offset, ...where } = error.at;
  assert.deepEqual(where, place);
  assert.ok(Number.isSafeInteger(offset));
  const before = comparable(expectedRecords(log, START, batch.baseOffset, false));
  assert.deepEqual(records, before.slice(0, records.length), "what was handed on before is right");
  return error;
}

/** Where a {@link plainLog} starts. */
const START = 50;
const fetchSizes = fc.constantFrom(1, 2_000, 2 ** 20);

test("any flipped bit that the checksum covers, or of the checksum, names topic, partition and offset", async () => {
  await fc.assert(
    fc.asyncProperty(damage(17), fetchSizes, async (damaged, maxBytes) => {
      const error = await corruptionIn(damaged, await damaged.write(), maxBytes);
      assert.equal(error.at.offset, damaged.batch.baseOffset);
      assert.match(error.message, /checksum/);
    }),
    { numRuns: 150 },
  );
});

test("a flipped bit in the length or the magic of a batch is found", async () => {
  await fc.assert(
    fc.asyncProperty(fc.oneof(damage(8, 12), damage(16, 17)), fetchSizes, async (damaged, maxBytes) => {
      await corruptionIn(damaged, await damaged.write(), maxBytes);
    }),
    { numRuns: 150 },
  );
});

test("a flipped bit in a base offset is found by the neighbours of the batch", async () => {
  await fc.assert(
    fc.asyncProperty(damage(0, 8), async (damaged) => {
      await corruptionIn(damaged, await damaged.write(), 2 ** 20);
    }),
    { numRuns: 100 },
  );
});

test("the leader epoch of a batch, which no checksum covers and nobody reads, does no harm", async () => {
  await fc.assert(
    fc.asyncProperty(damage(12, 16), async ({ log, ...damaged }) => {
      const { records, done } = read(await damaged.write(), START, log.endOffset);
      await done;
      assert.deepEqual(records, comparable(expectedRecords(log, START, log.endOffset, false)));
    }),
    { numRuns: 30 },
  );
});

/** A record of producer 7, within a transaction. */
const data = (offset: number) => ({
  ...oneRecord,
  baseOffset: offset,
  lastOffset: offset,
  producerId: 7,
  transactional: true,
  records: [{ ...record, offset }],
});

test("one producer's transactions, rolled back twice and then committed, are told apart in one response and in many", async () => {
  const end = (offset: number, marker: "ABORT" | "COMMIT") => ({ ...data(offset), control: true, records: [], marker });
  const batches = [
    data(0),
    end(1, "ABORT"),
    data(2),
    data(3),
    end(4, "ABORT"),
    data(5),
    end(6, "COMMIT"),
    data(7),
    end(8, "COMMIT"),
  ];
  const aborted = [
    { producerId: 7, firstOffset: 2, lastOffset: 4 },
    { producerId: 7, firstOffset: 0, lastOffset: 1 },
  ];
  const log = { batches, endOffset: 9, lastStableOffset: 9, aborted };
  const fetch = fetchFrom(log, await writer.write(batches), { readCommitted: true });
  for (const maxBytes of [1, 200, 2 ** 20]) {
    const { records, done } = read(fetch, 0, 9, { maxBytes, readCommitted: true });
    await done;
    assert.deepEqual(
      records.map((found) => (found as { offset: number }).offset),
      [5, 7],
    );
  }
});

test("a marker ends its producer's transaction also where a broker does not call the marker transactional", async () => {
  const abort: BatchToWrite = { ...data(1), control: true, records: [], marker: "ABORT" };
  const batches = [data(0), abort, data(2)];
  const written = await writer.write(batches);
  const [, marker, behind] = batchPositions(written) as [number, number, number];
  written.writeInt16BE(written.readInt16BE(marker + 21) & ~16, marker + 21);
  written.writeUInt32BE(crc32c(written.subarray(marker + 21, behind)), marker + 17);
  const aborted = [{ producerId: 7, firstOffset: 0, lastOffset: 1 }];
  const fetch = fetchFrom({ batches, endOffset: 3, lastStableOffset: 3, aborted }, written, { readCommitted: true });
  const { records, done } = read(fetch, 0, 3, { readCommitted: true });
  await done;
  assert.deepEqual(
    records.map((found) => (found as { offset: number }).offset),
    [2],
  );
});

test("noise in the place of batches is refused, whatever it is", async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 300 }), async (noise) => {
      const { done } = read(async () => fetched(Buffer.from(noise)), 0, 10, { maxBytes: 100 });
      await assert.rejects(done, { code: "CORRUPT_RECORD" });
    }),
    { numRuns: 300 },
  );
});

test("a batch that stays cut off however much is fetched is an error", async () => {
  const asked: number[] = [];
  const cutOff = (await writer.write([oneRecord])).subarray(0, 65);
  const { done } = read(
    async (_offset, maxBytes) => {
      asked.push(maxBytes);
      return fetched(cutOff);
    },
    0,
    1,
    { maxBytes: 50 },
  );
  await assert.rejects(done, { code: "CORRUPT_RECORD", message: /offset 0 of t-3 .*stays cut off/ });
  assert.deepEqual(asked, [50, 100, 200, 400]);
});

test("a response that is empty because the broker throttles is asked for again after the pause", async () => {
  const whole = await writer.write([oneRecord]);
  const throttled = { ...fetched(Buffer.alloc(0)), throttleTimeMs: 40 };
  const responses = [throttled, throttled, throttled, fetched(whole)];
  const start = performance.now();
  const { records, done } = read(async () => responses.shift()!, 0, 1);
  await done;
  assert.equal(records.length, 1);
  assert.ok(performance.now() - start > 110);
});

test("a range ends when the broker says twice that nothing of it is left", async () => {
  let asked = 0;
  const { records, done } = read(
    async () => {
      asked++;
      return fetched(Buffer.alloc(0));
    },
    0,
    1,
  );
  await done;
  assert.deepEqual([records, asked], [[], 2]);
});

test("at most two responses are held: the one that is decoded and the next", async () => {
  const log = Array.from({ length: 6 }, (_, i) => ({
    ...oneRecord,
    baseOffset: i,
    lastOffset: i,
    records: [{ ...record, offset: i }],
  }));
  const fetch = fetchFrom({ batches: log, endOffset: 6, lastStableOffset: 6, aborted: [] }, await writer.write(log));
  let asked = 0;
  const count: Fetch = (offset, maxBytes) => {
    asked++;
    return fetch(offset, maxBytes);
  };
  let chunks = 0;
  const range = { ...place, fromOffset: 0, untilOffset: 6 };
  const options = { decoders: { key: raw, value: raw }, maxBytes: 1, readCommitted: false };
  for await (const _ of readFetches(count, range, options)) assert.equal(asked, Math.min(++chunks + 1, 6));
  assert.equal(chunks, 6);
});

const record = { offset: 0, timestamp: 1, key: null, value: Buffer.from("v"), headers: [] };
const oneRecord: BatchToWrite = {
  codec: "none",
  logAppendTime: false,
  timestamp: 1,
  baseOffset: 0,
  lastOffset: 0,
  producerId: -1,
  transactional: false,
  control: false,
  records: [record],
};

/** The answer of a log that ends at offset 10. */
function fetched(bytes: Buffer): FetchedPartition {
  const buffer = bytes as SliceableBuffer;
  const region = { buffer, recordsStart: 0, recordsEnd: bytes.length };
  return { code: 0, throttleTimeMs: 0, highWatermark: 10, lastStableOffset: 10, abortedTransactions: [], ...region };
}
