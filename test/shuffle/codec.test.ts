/** What may cross from task to task, and how it comes out. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ConsumerRecord } from "millrace";
import { decodeColumns, decodeValues, encodeColumns, encodeValues } from "../../src/shuffle/codec.ts";
import { wireTokens } from "../helpers/wire-tokens.ts";

const roundTrip = (values: readonly unknown[]) => decodeValues(encodeValues(values, "map at job.ts:1:1"));

const record = (value: unknown, key: unknown = "k") =>
  ConsumerRecord.revive({
    topic: "t",
    partition: 1,
    offset: 42,
    timestamp: 1_000,
    timestampType: "CreateTime",
    headers: [{ key: "h", value: Buffer.from("v") }],
    key,
    value,
  });

test("plain data comes out as it went in", () => {
  const values = [
    1,
    -0,
    Number.NaN,
    "text",
    "\u{1f600}\ud800",
    10n ** 30n,
    true,
    null,
    undefined,
    { a: [1, { b: undefined }], c: null },
    new Date(5),
    /a+/gi,
    new Map<unknown, unknown>([
      ["a", { b: 1 }],
      [{ k: 1 }, 2],
    ]),
    new Set([1, "a"]),
    new Uint8Array([1, 2, 3]),
    new Float64Array([0.5]),
    new Uint8Array([7]).buffer,
    [],
    [[]],
  ];
  assert.deepEqual(roundTrip(values), values);
});

test("pairs and what only looks like pairs come out alike", () => {
  for (const values of [
    [],
    [
      ["a", 1],
      ["b", 2],
    ],
    [["a", 1], ["b"]],
    [["a", 1], "b"],
    [
      [1, 2],
      [3, 4, 5],
    ],
    [[]],
  ]) {
    assert.deepEqual(roundTrip(values), values);
  }
  const columns = [
    ["a", "b"],
    [1, 2],
  ] as const;
  const [keys, values] = columns.map((column) => [...column]) as [unknown[], unknown[]];
  assert.deepEqual(decodeColumns(encodeColumns(keys, values, "name")), { keys: ["a", "b"], values: [1, 2] });
});

test("what came out shares nothing with what went in", () => {
  const value = { list: [1], bytes: new Uint8Array([1]) };
  const [copy] = roundTrip([value]) as [typeof value];
  value.list.push(2);
  value.bytes[0] = 9;
  assert.deepEqual(copy, { list: [1], bytes: new Uint8Array([1]) });
});

test("a view takes along its own bytes only, and a Buffer becomes a Uint8Array", () => {
  const large = Buffer.alloc(1_000_000, 1);
  for (const view of [large.subarray(10, 13), new Uint8Array(large.buffer, large.byteOffset + 10, 3)]) {
    const encoded = encodeValues([{ deep: [view] }], "name");
    assert(encoded.length < 200, `${encoded.length} bytes for three`);
    const [{ deep }] = decodeValues(encoded) as [{ deep: [Uint8Array] }];
    assert.deepEqual(deep[0], new Uint8Array([1, 1, 1]));
    assert.equal(Object.getPrototypeOf(deep[0]), Uint8Array.prototype);
  }
  const [words] = roundTrip([new Uint16Array(new Uint16Array([1, 2, 3, 4]).buffer, 2, 2)]);
  assert.deepEqual(words, new Uint16Array([2, 3]));
});

test("a record crosses as a record, fully decoded, wherever it stands", () => {
  const values = [record({ n: 1 }), { deep: [record("a")] }, ["key", record("b")], new Map([["m", record("c")]])];
  const [first, second, third, fourth] = roundTrip(values) as [
    ConsumerRecord<string, { n: number }>,
    { deep: [ConsumerRecord<string, string>] },
    [string, ConsumerRecord<string, string>],
    Map<string, ConsumerRecord<string, string>>,
  ];
  assert(first instanceof ConsumerRecord);
  assert.deepEqual(first.toJSON(), {
    topic: "t",
    partition: 1,
    offset: 42,
    timestamp: 1_000,
    key: "k",
    value: { n: 1 },
  });
  assert.deepEqual(first.headers, [{ key: "h", value: new Uint8Array([118]) }]);
  assert.equal(first.timestampType, "CreateTime");
  assert.deepEqual(
    [second.deep[0].value, third[1].value, fourth.get("m")?.value, third[1] instanceof ConsumerRecord],
    ["a", "b", "c", true],
  );
});

test("pairs of records keep their layout", () => {
  const [[key, value]] = roundTrip([["a", record("b")]]) as [[string, ConsumerRecord<string, string>]];
  assert.deepEqual([key, value.offset, value.value], ["a", 42, "b"]);
});

class Point {
  x = 1;
}
class List extends Array<number> {}
const self: { me?: unknown } = {};
self.me = self;

const refused: [string, unknown, string][] = [
  ["a function", { a: [0, { f: () => 1 }] }, "map at job.ts:1:1 value[0].a[1].f is a function"],
  ["a class instance", [1, new Point()], "map at job.ts:1:1 value[0] is an instance of Point"],
  ["a symbol", Symbol("s"), "map at job.ts:1:1 value[0] is a symbol"],
  ["an error", { error: new TypeError("x") }, "map at job.ts:1:1 value[0].error is an instance of TypeError"],
  ["a promise", { later: Promise.resolve(1) }, "map at job.ts:1:1 value[0].later is an instance of Promise"],
  ["a WeakMap", [[new WeakMap()]], "map at job.ts:1:1 value[0][0][0] is an instance of WeakMap"],
  ["a function in a Map", new Map([["a", () => 1]]), "map at job.ts:1:1 value[0][0][1] is a function"],
  ["a function in a Set", new Set([() => 1]), "map at job.ts:1:1 value[0][0] is a function"],
  ["a function in a record", record({ f: () => 1 }), "map at job.ts:1:1 value[0].value.f is a function"],
  ["a proxy of nothing", Object.create({}), "map at job.ts:1:1 value[0] is an instance of Object"],
  ["what contains itself", self, "map at job.ts:1:1 value is a value that contains itself"],
];

for (const [what, value, message] of refused) {
  test(`${what} may not cross, and the path says where it is`, () => {
    assert.throws(
      () => roundTrip([what === "a class instance" ? (value as unknown[])[1] : value]),
      (error: Error & { code: string; hint: string }) => {
        assert.equal(error.code, "NOT_CLONEABLE");
        assert(
          error.message.startsWith(`${message}, which`) || error.message.startsWith(`${message}, or`),
          error.message,
        );
        assert.match(error.hint, /Map the value to plain data first/);
        return true;
      },
    );
  });
}

test("in pairs the path says whether it is in the key or in the value", () => {
  assert.throws(
    () =>
      roundTrip([
        ["a", 1],
        ["b", () => 1],
      ]),
    { message: /^map at job.ts:1:1 value\[1\] is a function/ },
  );
  assert.throws(() => roundTrip([[() => 1, 1]]), { message: /^map at job.ts:1:1 key\[0\] is a function/ });
});

test("a subclass of Array loses its class, as it is data all the same", () => {
  assert.deepEqual(roundTrip([List.from([1, 2, 3])]), [[1, 2, 3]]);
});

test("whatever plain values go in, equal values come out", () => {
  const plain = fc.anything({ withBigInt: true, withDate: true, withMap: true, withSet: true, withTypedArray: true });
  fc.assert(
    fc.property(fc.array(plain), (values) => assert.deepEqual(roundTrip(values), values)),
    { numRuns: 500 },
  );
  const pairs = fc.array(fc.tuple(plain, plain));
  fc.assert(
    fc.property(pairs, (values) => assert.deepEqual(roundTrip(values), values)),
    { numRuns: 200 },
  );
});

test("the bytes of equal values differ in the form of numbers, texts and arrays, and in nothing else", () => {
  const doubles = [0.5, 1.5, 2.5];
  const holey: number[] = new Array(3);
  for (const i of holey.keys()) doubles[i] = holey[i] = i;
  const cut = "ж and a text of Latin-1 only".slice(1);
  for (const [one, other] of [
    [[doubles], [[0, 1, 2]]],
    [[cut], [" and a text of Latin-1 only"]],
    [[holey], [[0, 1, 2]]],
  ]) {
    const [a, b] = [encodeValues(one!, "a"), encodeValues(other!, "b")];
    assert.notDeepEqual(a, b);
    assert.deepEqual(wireTokens(a), wireTokens(b));
    assert.deepEqual(decodeValues(a), decodeValues(b));
  }
  // What readers can tell apart, the tokens tell apart.
  const tokens = (value: unknown) => wireTokens(encodeValues([value], "value"));
  const shared = { n: 1 };
  for (const [one, other] of [
    [0, -0],
    [1, 1n],
    [
      { a: 1, b: 2 },
      { b: 2, a: 1 },
    ],
    [new Set([1, 2]), new Set([2, 1])],
    [{ a: undefined }, {}],
    [
      [shared, shared, 3],
      [{ n: 1 }, { n: 1 }, 3],
    ],
  ]) {
    assert.notDeepEqual(tokens(one), tokens(other));
  }
});
