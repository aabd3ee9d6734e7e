import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { test } from "node:test";
import fc from "fast-check";
import { type Decoder, nullable } from "millrace";
import { avro, avroEncoder } from "millrace/avro";
import { type DecodeSource, resolveDecoder, type SliceableBuffer } from "../../src/decoders/index.ts";
import { crossing } from "../../src/shuffle/cloneable.ts";

const VIEW = {
  type: "record",
  name: "shop.View",
  fields: [
    { name: "user", type: "string" },
    { name: "ms", type: "long" },
    { name: "page", type: ["null", "string"], default: null },
    { name: "hash", type: { type: "fixed", name: "Hash", size: 4 } },
    { name: "body", type: "bytes" },
    { name: "kind", type: { type: "enum", name: "Kind", symbols: ["CLICK", "VIEW"] } },
    { name: "tags", type: { type: "array", items: "string" } },
    { name: "scores", type: { type: "map", values: "double" } },
  ],
} as const;

interface View {
  user: string;
  ms: number;
  page: string | null;
  hash: Uint8Array;
  body: Uint8Array;
  kind: "CLICK" | "VIEW";
  tags: string[];
  scores: { [name: string]: number };
}

const view = (ms = 7): View => ({
  user: "Zoë",
  ms,
  page: null,
  hash: Buffer.from([1, 2, 3, 4]),
  body: Buffer.from([5, 6]),
  kind: "VIEW",
  tags: ["a", "b"],
  scores: { x: 0.5 },
});

/** The bytes as a record's value: in the middle of a fetched buffer, between two others. */
function fetched<T>(decoder: Decoder<T>, bytes: Uint8Array): { value: T; buffer: Buffer } {
  const buffer = Buffer.concat([bytes, bytes, bytes]) as SliceableBuffer;
  const source: DecodeSource = {
    buffer,
    textStart: 0,
    asciiText: () => undefined,
    latin1Text: () => undefined,
    contextOf: () => assert.fail("no context is needed"),
  };
  const decoded = resolveDecoder(decoder).decodeAt(source, bytes.length, 2 * bytes.length, 0, "value");
  return { value: decoded, buffer };
}

const decode = <T>(decoder: Decoder<T>, bytes: Uint8Array): T => fetched(decoder, bytes).value;

test("what is encoded is decoded again, straight from the fetched buffer and from bytes alone", () => {
  const bytes = avroEncoder<View>({ schema: VIEW })(view());
  const decoder = avro<View>({ schema: VIEW });
  assert.deepEqual(decode(decoder, bytes), view());
  assert.deepEqual(decoder(bytes, undefined as never), view());
});

test("the bytes are Avro's: those of the specification's examples", () => {
  const schema = {
    type: "record",
    name: "test",
    fields: [
      { name: "a", type: "long" },
      { name: "b", type: "string" },
    ],
  };
  const bytes = avroEncoder<object>({ schema })({ a: 27, b: "foo" });
  assert.deepEqual([...bytes], [0x36, 0x06, 0x66, 0x6f, 0x6f]);
  assert.deepEqual([...avroEncoder<number[]>({ schema: { type: "array", items: "long" } })([3, 27])], [4, 6, 0x36, 0]);
});

test("values of any size are encoded as avsc does by itself", () => {
  const { Type } = createRequire(import.meta.url)("avsc");
  const encode = avroEncoder<string[]>({ schema: { type: "array", items: "string" } });
  const reference = Type.forSchema({ type: "array", items: "string" });
  fc.assert(
    fc.property(fc.array(fc.integer({ max: 5000, min: 0 }).map((n) => "aß€😀".repeat(n))), (texts) => {
      assert.equal(Buffer.compare(encode(texts), reference.toBuffer(texts)), 0);
    }),
    { numRuns: 20 },
  );
});

test("a reader's schema skips what it does not have and fills in what was not written", () => {
  const bytes = avroEncoder<View>({ schema: VIEW })(view());
  const reader = {
    type: "record",
    name: "shop.View",
    fields: [
      { name: "ms", type: "double" },
      { name: "visitor", aliases: ["user"], type: "string" },
      { name: "country", type: "string", default: "NL" },
    ],
  };
  assert.deepEqual(decode(avro<object>({ schema: VIEW, reader }), bytes), { ms: 7, visitor: "Zoë", country: "NL" });
  const lacking = { type: "record", name: "shop.View", fields: [{ name: "country", type: "string" }] };
  assert.throws(() => avro({ schema: VIEW, reader: lacking }), {
    code: "BAD_OPTION",
    message: /"reader" does not fit "schema": what was written as shop.View cannot be read as shop.View: /,
  });
});

test("what it gives is plain data that may cross, also records in unions that must be told apart", () => {
  const schema = {
    type: "array",
    items: [
      { type: "record", name: "A", fields: [{ name: "n", type: "int" }] },
      {
        type: "record",
        name: "B",
        fields: [
          { name: "n", type: "int" },
          { name: "inner", type: ["null", "A"] },
        ],
      },
      "int",
      "long",
    ],
  };
  const values = [{ A: { n: 1 } }, { B: { n: 2, inner: { n: 3 } } }, { long: 4 }];
  const decoded = decode(avro<unknown>({ schema }), avroEncoder<unknown>({ schema })(values));
  assert.deepStrictEqual(decoded, values);
  crossing(decoded, "value");
});

test("nothing that is kept lies in the fetched buffer", () => {
  const { value, buffer } = fetched(avro<View>({ schema: VIEW }), avroEncoder<View>({ schema: VIEW })(view()));
  for (const bytes of [value.hash, value.body]) assert.notEqual(bytes.buffer, buffer.buffer);
  buffer.fill(0xff);
  assert.deepEqual(value, view());
});

test("a long beyond 2^53 is an error that says so, or a bigint if you like", () => {
  const big = 2n ** 62n + 1n;
  const bytes = avroEncoder<bigint>({ schema: "long", long: "bigint" })(big);
  assert.equal(decode(avro<bigint>({ schema: "long", long: "bigint" }), bytes), big);
  assert.throws(
    () => decode(avro<number>({ schema: "long" }), bytes),
    /beyond 2\^53; decode with \{ long: "bigint" \}/,
  );
  const largest = avroEncoder<number>({ schema: "long" })(2 ** 53 - 2);
  assert.equal(decode(avro<number>({ schema: "long" }), largest), 2 ** 53 - 2);
  fc.assert(
    fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (n) => {
      const encoded = avroEncoder<bigint>({ schema: "long", long: "bigint" })(n);
      assert.equal(decode(avro<bigint>({ schema: "long", long: "bigint" }), encoded), n);
    }),
    { numRuns: 50 },
  );
  const evolved = avro<bigint>({ schema: "int", reader: "long", long: "bigint" });
  assert.equal(decode(evolved, avroEncoder<number>({ schema: "int" })(5)), 5n);
});

test("bytes that are too many or too few are refused, although more bytes follow in the buffer", () => {
  const decoder = avro<View>({ schema: VIEW });
  const bytes = avroEncoder<View>({ schema: VIEW })(view());
  assert.throws(() => decode(decoder, bytes.subarray(0, -1)), /claims more than its bytes hold/);
  assert.throws(() => decode(decoder, Buffer.concat([bytes, Buffer.from([0])])), /takes only \d+ of its \d+ bytes/);
});

test("an array or map that claims more than its bytes hold is refused before it is made", () => {
  const billion = avroEncoder<number>({ schema: "long" })(1_000_000_000);
  const list = { type: "record", name: "List", fields: [{ name: "n", type: "int" }] };
  const tree = { type: "record", name: "Tree", fields: [{ name: "below", type: { type: "array", items: "Tree" } }] };
  for (const schema of [
    { type: "array", items: "int" },
    { type: "array", items: "null" },
    { type: "map", values: "double" },
    { type: "array", items: list },
    { type: "array", items: ["null", "string"] },
    tree,
  ]) {
    const started = performance.now();
    assert.throws(() => decode(avro({ schema }), billion), /takes|claims more than its bytes hold/);
    assert(performance.now() - started < 1_000);
  }
  const deep = { below: [{ below: [] }, { below: [{ below: [] }] }] };
  assert.deepEqual(decode(avro({ schema: tree }), avroEncoder({ schema: tree })(deep)), deep);
  const nulls = Array.from({ length: 1000 }, () => null);
  const schema = { type: "array", items: "null" };
  assert.deepEqual(decode(avro({ schema }), avroEncoder({ schema })(nulls)), nulls);
});

test("null is refused, and let through by nullable", () => {
  const decoder = avro<string>({ schema: "string" });
  assert.throws(() => decoder(null, undefined as never), /it is null; wrap the decoder in nullable\(\)/);
  const through = resolveDecoder(nullable(decoder));
  assert.equal(through.decodeAt(undefined as never, -1, 0, 0, "value"), null);
});

test("a value that does not fit is refused with the field and what is there", () => {
  const encode = avroEncoder<unknown>({ schema: VIEW });
  assert.throws(() => encode({ ...view(), ms: "7" }), /TypeError: ms is "7", which is no long/);
  assert.throws(() => encode({ ...view(), ms: 2 ** 60 }), /ms is 1152921504606847000, which is no long/);
  assert.throws(() => encode({ ...view(), kind: "SCROLL" }), /kind is "SCROLL", which is no shop.Kind/);
  assert.throws(() => encode(null), /the value is null, which is no shop.View/);
});

test("a schema can be the JSON text of a file, and what is none is an error of the options", () => {
  assert.deepEqual(
    decode(avro<View>({ schema: JSON.stringify(VIEW) }), avroEncoder<View>({ schema: VIEW })(view())),
    view(),
  );
  for (const wrong of ["strin", "{", { type: "record" }, 5]) {
    assert.throws(() => avro({ schema: wrong as never }), { code: "BAD_OPTION", message: /no Avro schema/ });
  }
  assert.throws(() => avro({} as never), { code: "BAD_OPTION", message: /avro needs "schema"/ });
  assert.throws(() => avro({ schema: "int", long: "float" as never }), { code: "BAD_OPTION" });
  assert.throws(() => avro({ schema: "int", writer: "int" } as never), { code: "BAD_OPTION" });
});
