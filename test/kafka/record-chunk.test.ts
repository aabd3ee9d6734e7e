import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { inspect } from "node:util";
import {
  bytes,
  type DecodeContext,
  type Decoder,
  json,
  nullable,
  required,
  resolveDecoder,
  utf8,
} from "../../src/decoders/index.ts";
import { readFetches } from "../../src/kafka/reading/range-reader.ts";
import type { RecordChunk } from "../../src/kafka/reading/record-chunk.ts";
import { ConsumerRecord, toPlain } from "../../src/model/consumer-record.ts";
import { valuesOf } from "../helpers/chunk-values.ts";
import { type BatchToWrite, BatchWriter } from "./batch-writer.ts";
import { fetchFrom } from "./model-log.ts";

let writer: BatchWriter;
before(async () => {
  writer = await BatchWriter.start();
});
after(() => writer[Symbol.asyncDispose]());

/** The chunks of a topic that holds these values, in batches of `batchSize` from offset 5 on. */
async function chunksOf<V>(
  values: readonly (string | null)[],
  valueDecoder: Decoder<V>,
  {
    batchSize = values.length,
    headers = [] as readonly [string, Uint8Array][],
    hasKeys = true,
    takesTexts = false,
  } = {},
): Promise<RecordChunk<string | null, V>[]> {
  const batches: BatchToWrite[] = [];
  for (let start = 0; start < values.length; start += batchSize) {
    const part = values.slice(start, start + batchSize);
    const records = part.map((value, i) => ({
      offset: 5 + start + i,
      timestamp: 1_000,
      key: hasKeys ? Buffer.from(`k${start + i}`) : null,
      value: value === null ? null : Buffer.from(value),
      headers,
    }));
    const offsets = { baseOffset: 5 + start, lastOffset: 4 + start + part.length };
    batches.push({
      codec: "none",
      logAppendTime: false,
      timestamp: 1,
      producerId: -1,
      transactional: false,
      control: false,
      records,
      ...offsets,
    });
  }
  const end = 5 + values.length;
  const fetch = fetchFrom({ batches, endOffset: end, lastStableOffset: end, aborted: [] }, await writer.write(batches));
  const decoders = { key: resolveDecoder(utf8), value: resolveDecoder(valueDecoder), takesTexts };
  const range = { topic: "t", partition: 2, fromOffset: 5, untilOffset: end };
  const chunks: RecordChunk<string | null, V>[] = [];
  const options = { decoders, maxBytes: 2 ** 20, readCommitted: false };
  for await (const chunk of readFetches(fetch, range, options)) chunks.push(chunk);
  return chunks;
}

test("a chunk knows where it is, so that an error can be located", async () => {
  const [chunk] = await chunksOf(["a", "b", "c"], utf8);
  assert.equal(chunk!.at(1).value, "b");
  assert.deepEqual(chunk!.place(), { topic: chunk!.topic, partition: chunk!.partition, offset: 6 });
  assert.equal(chunk!.at(2).value, "c");
});

test("a value taken from the text before anybody asks is what it is when it is asked for", async () => {
  const ascii = ["a", "", null, "a longer piece of the text", "b"];
  for (const values of [ascii, [...ascii, "Straße", null, "c"]]) {
    for (const takesTexts of [true, false]) {
      const records = (await chunksOf(values, utf8, { batchSize: 3, takesTexts })).flatMap((chunk) => [
        ...valuesOf(chunk),
      ]);
      assert.deepEqual(
        records.map(({ value }) => value),
        values,
      );
      assert.deepEqual(
        records.map(({ key }) => key),
        values.map((_, i) => `k${i}`),
      );
      const [chunk] = await chunksOf(values, required(utf8), { takesTexts });
      assert.equal(chunk!.at(0).value, "a");
      assert.throws(() => chunk!.at(2).value, {
        code: "DECODE_FAILED",
        message: /offset 7 .*required\(\) refuses null/,
      });
    }
  }
});

test("only what is decoded to the text itself is taken from it", () => {
  for (const decoder of [utf8, required(utf8), nullable(required(utf8))])
    assert.equal(resolveDecoder<unknown>(decoder).isText, true);
  for (const decoder of [json(), nullable(json()), bytes, () => "text"])
    assert.equal(resolveDecoder<unknown>(decoder).isText, false);
});

test("a value that cannot be decoded names itself", async () => {
  const [chunk] = await chunksOf(['{"a":1}', "{", null], json());
  assert.deepEqual(chunk!.at(0).value, { a: 1 });
  assert.throws(() => chunk!.at(1).value, {
    code: "DECODE_FAILED",
    message: /^The value of the record at offset 6 of t-2 could not be decoded: /,
    at: { topic: "t", partition: 2, offset: 6 },
  });
  assert.throws(() => chunk!.at(2).value, { code: "DECODE_FAILED", message: /offset 7 .*it is null/ });
});

test("nothing is decoded that nobody looks at, and nothing twice", async () => {
  let decoded = 0;
  const [chunk] = await chunksOf(["a", "b"], () => ++decoded);
  for (const { key } of valuesOf(chunk!)) assert.equal(key![0], "k");
  assert.equal(decoded, 0);
  const record = chunk!.at(0);
  assert.deepEqual([record.value, record.value, decoded], [1, 1, 1]);
});

test("prepare sees all bytes of a chunk before its records are handed on", async () => {
  const seen: (string | null)[] = [];
  const [chunk] = await chunksOf(["a", null], {
    async prepare(all) {
      await undefined;
      seen.push(...all.map((view) => view && Buffer.from(view).toString()));
    },
    decode: () => 1,
  });
  assert.deepEqual(seen, ["a", null]);
  assert.equal(chunk!.at(0).value, 1);
  const failing = chunksOf(["a"], { prepare: () => Promise.reject(new Error("no registry")), decode: () => 1 });
  await assert.rejects(failing, { code: "DECODE_FAILED", message: /from offset 5 of t-2 failed: no registry/ });
});

test("a decoder of the user's learns which record it decodes", async () => {
  const contexts: DecodeContext[] = [];
  const decoder = (_: Uint8Array | null, context: DecodeContext) => contexts.push(context);
  const [chunk] = await chunksOf(["a", "b"], decoder, { headers: [["h", Buffer.from("x")]] });
  assert.equal(chunk!.at(1).value, 1);
  const { topic, partition, offset, field, headers } = contexts[0]!;
  assert.deepEqual([topic, partition, offset, field], ["t", 2, 6, "value"]);
  assert.deepEqual(
    headers.map(({ key, value }) => [key, String(value)]),
    [["h", "x"]],
  );
});

test("texts are right in chunks with and without a character beyond ASCII", async () => {
  const ascii = Array.from({ length: 3_000 }, (_, i) => `${i} ${"x".repeat(i % 200)}`);
  for (const values of [ascii, ascii.with(1_500, "é"), ascii.with(0, "\u{1F980}"), ascii.with(2_999, "ÿ")]) {
    for (const batchSize of [1, 40, 3_000]) {
      const read: (string | null)[] = [];
      for (const chunk of await chunksOf(values, utf8, { batchSize }))
        for (const { value } of valuesOf(chunk)) read.push(value);
      assert.deepEqual(read, values);
    }
  }
});

test("texts come from the chunk's own text only when that is all ASCII", async () => {
  const headers: [string, Uint8Array][] = [["trace", Buffer.from("a".repeat(100))]];
  const [plain] = await chunksOf(["a".repeat(100), "b".repeat(9_000)], utf8, { headers });
  assert.equal(typeof plain!.asciiText(), "string");
  const [several] = await chunksOf(["a".repeat(100), "b".repeat(200), "c"], utf8, { batchSize: 1, headers });
  assert.equal(several!.length, 3);
  assert.equal(typeof several!.asciiText(), "string");
  const [other] = await chunksOf(["a", "é"], utf8);
  assert.equal(other!.asciiText(), undefined);
});

test("a key that is null is not counted as bytes beyond ASCII, which would hide as many that are", async () => {
  const [plain] = await chunksOf(["a", "b"], utf8, { hasKeys: false });
  assert.equal(typeof plain!.asciiText(), "string");
  const [other] = await chunksOf(["a", "é"], utf8, { hasKeys: false });
  assert.deepEqual(
    Array.from(valuesOf(other!), ({ value }) => value),
    ["a", "é"],
  );
});

test("a record crosses threads as plain data and comes back as the same class", async () => {
  const [chunk] = await chunksOf(['{"a":1}'], json<{ a: number }>(), { headers: [["h", Buffer.from("x")]] });
  const record = chunk!.at(0);
  const plain = structuredClone(toPlain(record));
  const revived = ConsumerRecord.revive(plain);
  assert.ok(revived instanceof ConsumerRecord);
  assert.deepEqual(toPlain(revived), plain);
  assert.equal(
    JSON.stringify(revived),
    '{"topic":"t","partition":2,"offset":5,"timestamp":1000,"key":"k0","value":{"a":1}}',
  );
  assert.deepEqual({ ...record }, {});
  assert.match(inspect(record), /^ConsumerRecord \{\s+topic: 't'.*value: \{ a: 1 \}/s);
});
