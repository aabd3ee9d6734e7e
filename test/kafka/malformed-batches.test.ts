/** Batches whose checksum fits, as a faulty producer or broker would send them: here the checks of each field are all there is. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { crc32c } from "@node-rs/crc32";
import { bytes, resolveDecoder, type SliceableBuffer } from "../../src/decoders/index.ts";
import { decodeBatches } from "../../src/kafka/reading/decode-batches.ts";
import { findBatches } from "../../src/kafka/reading/record-batch.ts";
import { COMPRESSIONS, compress } from "../../src/kafka/writing/compress.ts";
import { valuesOf } from "../helpers/chunk-values.ts";

const place = { topic: "t", partition: 3 };
const raw = resolveDecoder(bytes);
const HEADER_BYTES = 61;
const FROM = 5;

interface Fields {
  readonly baseOffset?: number;
  readonly lastDelta?: number;
  readonly count?: number;
  readonly codec?: number;
  /** What the batch says of its length; else what it is. */
  readonly length?: number;
}

/** A batch with the checksum that fits. */
function batchOf(records: readonly Buffer[], fields: Fields = {}): Buffer {
  const { baseOffset = FROM, lastDelta = records.length - 1, count = records.length, codec = 0 } = fields;
  const payload = compress(COMPRESSIONS[codec]!, Buffer.concat(records));
  const batch = Buffer.concat([Buffer.alloc(HEADER_BYTES), payload]);
  batch.writeBigInt64BE(BigInt(baseOffset), 0);
  batch.writeInt32BE(fields.length ?? batch.length - 12, 8);
  batch[16] = 2;
  batch.writeInt16BE(codec, 21);
  batch.writeInt32BE(lastDelta, 23);
  batch.writeInt32BE(count, 57);
  batch.writeUInt32BE(crc32c(batch.subarray(21)), 17);
  return batch;
}

interface RecordFields {
  readonly delta?: number;
  readonly key?: number;
  readonly value?: number;
  readonly headers?: readonly number[];
  /** Added to what the record says of its length. */
  readonly longer?: number;
}

/** A record whose key and value have `key` and `value` bytes; below zero only the length is there. */
function record({ delta = 0, key = -1, value = 1, headers = [0], longer = 0 }: RecordFields = {}): Buffer {
  const body = Buffer.concat([
    Buffer.from([0, 0]),
    varint(delta),
    varint(key),
    Buffer.alloc(Math.max(0, key), "k"),
    varint(value),
    Buffer.alloc(Math.max(0, value), "v"),
    ...headers.map(varint),
  ]);
  return Buffer.concat([varint(body.length + longer), body]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = ((value << 1) ^ (value >> 31)) >>> 0;
  for (; rest > 0x7f; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  return Buffer.from([...bytes, rest]);
}

/** The offsets that a fetch at {@link FROM} gives of `batches`. */
function read(batches: readonly Buffer[], { untilOffset = 100, highWatermark = 100 } = {}): number[] {
  const buffer = Buffer.concat(batches) as SliceableBuffer;
  const log = { code: 0, throttleTimeMs: 0, highWatermark, lastStableOffset: highWatermark, abortedTransactions: [] };
  const fetched = { ...log, buffer, recordsStart: 0, recordsEnd: buffer.length };
  const found = findBatches(fetched, FROM, place).batches;
  const chunks = decodeBatches(fetched, found, { ...place, fromOffset: FROM, untilOffset }, { key: raw, value: raw });
  return [...chunks].flatMap((chunk) => [...valuesOf(chunk)].map(({ offset }) => offset));
}

const refused = (what: string, batches: readonly Buffer[], message: RegExp, log = {}) =>
  assert.throws(() => read(batches, log), { code: "CORRUPT_RECORD", message }, what);

test("batches and records whose fields make sense are read, whatever they leave out", () => {
  const good = [record(), record({ delta: 1, key: 0, value: -1 }), record({ delta: 2, headers: [1, 0, -1] })];
  assert.deepEqual(read([batchOf(good)]), [5, 6, 7]);
  assert.deepEqual(read([batchOf([record({ value: -1 })])]), [5], "the shortest record there is");
  assert.deepEqual(read([batchOf(good, { baseOffset: 4 })]), [5, 6], "a batch may start before what was asked for");
  assert.deepEqual(read([batchOf(good), batchOf(good, { baseOffset: 20 })]), [5, 6, 7, 20, 21, 22]);
  const alike = Array.from({ length: 500 }, (_, delta) => record({ delta }));
  for (const codec of COMPRESSIONS.keys())
    assert.equal(read([batchOf(alike, { codec })], { untilOffset: 600 }).length, 500);
});

test("a header whose fields make no sense is refused, though its checksum fits", () => {
  const [one, two] = [record(), record({ delta: 1 })];
  const good = batchOf([one]);
  const offset = /its offset makes no sense/;
  refused(
    "below zero",
    [batchOf([one, ...Array.from({ length: 9 }, (_, i) => record({ delta: i + 1 }))], { baseOffset: -1 })],
    offset,
  );
  refused("ends before it starts", [good, batchOf([], { baseOffset: 6, lastDelta: -1 })], offset);
  refused("beyond what a number holds", [batchOf([one], { baseOffset: 2 ** 53 + 2 })], offset, {
    highWatermark: 2 ** 60,
  });
  refused("behind the end of the log", [batchOf([one], { baseOffset: 100 })], offset);
  refused("ends behind the end of the log", [batchOf([one, two], { baseOffset: 99 })], offset);
  refused("just before what was asked for", [batchOf([one], { baseOffset: 4 })], offset);
  refused("long before what was asked for", [batchOf([one], { baseOffset: 2 })], offset);
  refused("the same again", [good, good], offset);
  refused("within the one before", [batchOf([one, two]), batchOf([one], { baseOffset: 6 })], offset);
  refused(
    "a gap behind what was not asked for",
    [batchOf([one], { baseOffset: 3 }), batchOf([one], { baseOffset: 5 })],
    offset,
  );

  const count = /its number of records makes no sense/;
  refused("a count below zero", [good, batchOf([], { baseOffset: 6, lastDelta: 0, count: -1 })], count);
  refused("more records than offsets", [batchOf([one, two], { lastDelta: 0 })], count);
  for (const codec of COMPRESSIONS.keys()) {
    const many = { codec, lastDelta: 2 ** 31 - 1, count: 2 ** 31 - 1 };
    refused(`more records than bytes, codec ${codec}`, [batchOf([one], many)], count, { highWatermark: 2 ** 40 });
  }

  for (const length of [-13, -1, 0, HEADER_BYTES - 12 - 1]) {
    const [first, second] = [batchOf([one], { length }), batchOf([one], { length, baseOffset: 6 })];
    refused(`a length of ${length}`, [first], /its length makes no sense/);
    refused(`a length of ${length}, later`, [good, second], /its length makes no sense/);
  }
});

test("a record whose fields make no sense is refused, though the checksum of its batch fits", () => {
  const length = /the length of a record makes no sense/;
  const five = Buffer.from([10, 0, 0, 0, 1, 1]);
  for (const [what, records] of Object.entries({
    "a length below zero": [Buffer.from([1, 0, 0, 0, 1, 1, 0])],
    "a length below what a record has": [Buffer.concat([five, record({ delta: 1 })])],
    "a length beyond the batch": [record({ longer: 1 })],
  })) {
    refused(what, [batchOf(records), batchOf([record()], { baseOffset: 6 })], length);
  }
  const fields = /the fields of a record do not fit its length/;
  for (const [what, one] of Object.entries({
    "longer than its fields": [record({ longer: 7 }), record({ delta: 1 })],
    "shorter than its fields": [record({ longer: -1, value: 9 }), record({ delta: 1 })],
    "a key of less than none": [record({ key: -2 })],
    "a value of less than none": [record({ value: -2 })],
    "fewer headers than none": [record({ headers: [-1] })],
    "more headers than there are": [record({ headers: [2, 0, -1] })],
    "a value far beyond the batch": [Buffer.from([14, 0, 0, 0, 1, 0xfe, 0x7f, 0])],
  })) {
    refused(what, [batchOf(one), batchOf([record()], { baseOffset: 8 })], fields);
  }
  const offset = /the offset of a record makes no sense/;
  refused("the offset of the record before", [batchOf([record({ delta: 1 }), record({ delta: 1 })])], offset);
  refused("an offset below that of the record before", [batchOf([record({ delta: 1 }), record()])], offset);
  refused("an offset before its batch", [batchOf([record({ delta: -1 })], { baseOffset: 6 })], offset);
  refused("an offset behind its batch", [batchOf([record({ delta: 1 })])], offset);
  const rest = batchOf([record(), record({ delta: 1 })], { count: 1 });
  refused("a record more than it says", [rest], /there are bytes behind the last record/);
});
