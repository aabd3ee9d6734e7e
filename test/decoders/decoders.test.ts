import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { z } from "zod";
import {
  bytes,
  type DecodeContext,
  type Decoder,
  type DecodeSource,
  decodeFailed,
  json,
  nullable,
  required,
  resolveDecoder,
  type SliceableBuffer,
  utf8,
} from "../../src/decoders/index.ts";

const context: DecodeContext = { topic: "t", partition: 1, offset: 42, field: "value", headers: [] };

/** A source over one value with something before and behind it. */
function sourceOf(value: Uint8Array, ascii: boolean): DecodeSource {
  const buffer = Buffer.concat([Buffer.from("before"), value, Buffer.from("behind")]) as SliceableBuffer;
  return {
    buffer,
    textStart: 2,
    asciiText: () => (ascii ? buffer.latin1Slice(2, buffer.length) : undefined),
    latin1Text: () => buffer.latin1Slice(2, buffer.length),
    contextOf: () => context,
  };
}

/** What a decoder makes of bytes by the way the reader takes, which must be what the plain function makes of them. */
function decode<T>(decoder: Decoder<T>, value: string | Uint8Array | null): T {
  const { decodeAt } = resolveDecoder(decoder);
  const plain = typeof decoder === "function" ? decoder : decoder.decode;
  if (value === null) {
    const decoded = decodeAt(sourceOf(new Uint8Array(), false), -1, 0, 0, "value");
    assert.deepEqual(plain(null, context), decoded);
    return decoded;
  }
  const raw = new Uint8Array(Buffer.from(value as string));
  const decoded = decodeAt(sourceOf(raw, false), 6, 6 + raw.length, 0, "value");
  assert.deepEqual(plain(raw, context), decoded);
  if (raw.every((byte) => byte < 0x80)) {
    assert.deepEqual(decodeAt(sourceOf(raw, true), 6, 6 + raw.length, 0, "value"), decoded);
  }
  return decoded;
}

test("utf8 reads any text and leaves null alone", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => assert.equal(decode(utf8, text), text)));
  assert.equal(decode(utf8, null), null);
  assert.equal(decode(utf8, ""), "");
});

test("bytes are a view of just the value, or null", () => {
  assert.deepEqual([...decode(bytes, Uint8Array.of(1, 2, 255))!], [1, 2, 255]);
  assert.equal(decode(bytes, null), null);
});

test("json reads any JSON and refuses null and what is none", () => {
  fc.assert(fc.property(fc.json(), (text) => assert.deepEqual(decode(json(), text), JSON.parse(text))));
  assert.throws(() => decode(json(), null), /it is null; wrap the decoder in nullable\(\)/);
  assert.throws(() => decode(json(), "{"), SyntaxError);
});

test("json by a schema gives the schema's output or its issues", () => {
  const view = z.object({ user: z.string(), ms: z.number().default(7) });
  const decoder: Decoder<{ user: string; ms: number }> = json(view);
  assert.deepEqual(decode(decoder, '{"user":"u"}'), { user: "u", ms: 7 });
  assert.throws(() => decode(decoder, '{"user":1,"ms":"x"}'), /user: .*expected string.*; ms: .*expected number/);
  const later = json(z.string().refine(async () => true));
  assert.throws(() => decode(later, '"a"'), /a decoder is synchronous/);
});

test("nullable lets null through, required refuses it", () => {
  assert.equal(decode(nullable(json()), null), null);
  assert.deepEqual(decode(nullable(json()), "[1]"), [1]);
  const text: string = decode(required(utf8), "a");
  assert.equal(text, "a");
  assert.throws(() => decode(required(utf8), null), /required\(\) refuses null/);
  assert.throws(() => decode(required(nullable(json())), null), /required\(\) refuses null/);
});

test("a function of the user's gets a view and the context", () => {
  const decoder = (view: Uint8Array | null, { offset }: DecodeContext) => `${view?.length}@${offset}`;
  assert.equal(decode(decoder, "abc"), "3@42");
  assert.equal(decode(decoder, null), "undefined@42");
});

test("prepare is kept, through nullable and required too, and `this` is the decoder", async () => {
  const seen: unknown[] = [];
  const decoder = {
    prefix: "p",
    async prepare(all: readonly (Uint8Array | null)[]) {
      seen.push(this.prefix, all.length);
    },
    decode(view: Uint8Array | null) {
      return view && this.prefix + view.length;
    },
  };
  for (const wrapped of [decoder, nullable(decoder), required(nullable(decoder))] as Decoder<string | null>[]) {
    const resolved = resolveDecoder(wrapped);
    await resolved.prepare!({ length: 2, bytesAt: () => null } as never, "key");
    assert.equal(resolved.decodeAt(sourceOf(Uint8Array.of(1, 2), false), 6, 8, 0, "key"), "p2");
  }
  assert.deepEqual(seen, ["p", 2, "p", 2, "p", 2]);
  assert.equal(resolveDecoder(utf8).prepare, undefined);
});

test("json that is given in place of what it makes says so at the first value", () => {
  for (const value of [new Uint8Array([49]), null]) {
    const decode = () => (json as unknown as (bytes: typeof value) => unknown)(value);
    assert.throws(decode, { code: "BAD_OPTION", message: "json is no decoder, it makes one.", hint: /json\(\)/ });
  }
});

test("what is no decoder is refused", () => {
  for (const wrong of [null, "utf8", {}, { decode: 1 }]) {
    assert.throws(() => resolveDecoder(wrong as never), { code: "BAD_OPTION" });
  }
});

test("an async function is no decoder, alone or as decode", () => {
  const decode = async () => 1;
  for (const decoder of [decode, { decode }, { prepare: async () => {}, decode }]) {
    const refused = {
      code: "ASYNC_FUNCTION",
      message: /^A decoder cannot be an async function/,
      hint: /\{ prepare, decode \}/,
    };
    assert.throws(() => resolveDecoder(decoder), refused);
    assert.throws(() => nullable(decoder), refused);
  }
});

test("an error names the record and which half of it", () => {
  const cause = new SyntaxError("Unexpected token");
  const error = decodeFailed(cause, { ...context, field: "key" });
  assert.equal(error.code, "DECODE_FAILED");
  assert.equal(error.message, "The key of the record at offset 42 of t-1 could not be decoded: Unexpected token");
  assert.deepEqual(error.at, { topic: "t", partition: 1, offset: 42 });
  assert.equal(error.cause, cause);
});
