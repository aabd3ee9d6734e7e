import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ByteCursor } from "../../src/kafka/connection/byte-cursor.ts";
import { ByteWriter } from "../../src/kafka/connection/byte-writer.ts";

test("what is written is read again, however often the buffer has to grow", () => {
  const field = fc.oneof(
    fc.record({ kind: fc.constant("int16" as const), value: fc.integer({ min: -(2 ** 15), max: 2 ** 15 - 1 }) }),
    fc.record({ kind: fc.constant("int32" as const), value: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }) }),
    fc.record({ kind: fc.constant("int64" as const), value: fc.maxSafeInteger() }),
    fc.record({ kind: fc.constant("boolean" as const), value: fc.boolean() }),
    fc.record({ kind: fc.constant("unsignedVarint" as const), value: fc.integer({ min: 0, max: 2 ** 31 - 1 }) }),
    fc.record({ kind: fc.constant("compactText" as const), value: fc.string({ unit: "binary", maxLength: 700 }) }),
    fc.record({ kind: fc.constant("uuid" as const), value: fc.uuid() }),
  );
  fc.assert(
    fc.property(fc.array(field, { maxLength: 60 }), (fields) => {
      const writer = new ByteWriter();
      for (const { kind, value } of fields) writer[kind](value as never);
      const cursor = new ByteCursor(writer.bytes);
      assert.deepEqual(
        fields.map(({ kind }) => cursor[kind]()),
        fields.map(({ value }) => value),
      );
      assert.equal(cursor.position, writer.bytes.length);
    }),
  );
});
