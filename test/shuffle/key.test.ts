/** Keys are equal by value, and hash the same way everywhere and always. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { canonicalKey, hashKey, KeyMap } from "../../src/shuffle/key.ts";

/** The number of the key's entry, new or old: equal keys have the same. */
function numberKeys(keys: readonly unknown[]): number[] {
  const map = new KeyMap<number>();
  return keys.map((key) => {
    const found = map.find(key);
    if (found) return found.value;
    map.add(key, map.size);
    return map.size - 1;
  });
}

const equal: [string, unknown, unknown][] = [
  ["objects, whatever the order of their properties", { a: 1, b: { c: 2, d: 3 } }, { b: { d: 3, c: 2 }, a: 1 }],
  ["arrays", ["NL", 2024], ["NL", 2024]],
  ["arrays of objects", [{ a: [1, { b: 2 }] }], [{ a: [1, { b: 2 }] }]],
  ["dates", new Date(5), new Date(5)],
  ["dates within", { at: new Date(5) }, { at: new Date(5) }],
  ["NaN", Number.NaN, Number.NaN],
  ["NaN within", [Number.NaN], [Number.NaN]],
  ["zero and minus zero", 0, -0],
  ["zero and minus zero within", { a: 0 }, { a: -0 }],
  ["bigints", 5n, 5n],
  ["bigints within", [5n], [5n]],
  ["bytes", new Uint8Array([1, 2]), Buffer.from([1, 2])],
  [
    "maps, whatever the order",
    new Map([
      ["a", 1],
      ["b", 2],
    ]),
    new Map([
      ["b", 2],
      ["a", 1],
    ]),
  ],
  ["sets, whatever the order", new Set([1, 2]), new Set([2, 1])],
  ["texts cut from others", "x".repeat(40).slice(3, 33), "x".repeat(30)],
  ["objects without a prototype", Object.assign(Object.create(null), { a: 1 }), { a: 1 }],
];

for (const [what, a, b] of equal) {
  test(`equal: ${what}`, () => {
    assert.deepEqual(numberKeys([a, b]), [0, 0]);
    assert.equal(hashKey(a), hashKey(b));
  });
}

const different: [string, unknown, unknown][] = [
  ["a text and a number", "5", 5],
  ["a text and a number within", ["5"], [5]],
  ["a number and a bigint", 5, 5n],
  ["a number and a bigint within", [5], [5n]],
  ["null and undefined", null, undefined],
  ["null and undefined within", [null], [undefined]],
  ["null and its name", [null], ["null"]],
  ["true and its name", [true], ["true"]],
  ["an array and its text", ["a"], '["a"]'],
  ["an object and its text", { a: 1 }, '{"a":1}'],
  ["arrays in another order", ["a", "b"], ["b", "a"]],
  ["one text with a comma, and two", ["a,b"], ["a", "b"]],
  ["one text with quotes, and two", ['a","b'], ["a", "b"]],
  ["nesting", [["a"], "b"], ["a", ["b"]]],
  ["a property that is undefined, and none", { a: undefined }, {}],
  ["an array and an object like it", ["a"], { 0: "a" }],
  ["a date and its time", new Date(5), 5],
  ["a date and its time within", [new Date(5)], [5]],
  ["a set and an array", new Set([1]), [1]],
  ["a map and an object", new Map([["a", 1]]), { a: 1 }],
  ["a map by number and by text", new Map([[1, 1]]), new Map([["1", 1]])],
  ["bytes and an array", new Uint8Array([1]), [1]],
  ["empty things", {}, []],
  ["lone halves of a character", "\ud800", "\ud801"],
  ["lone halves of a character within", ["\ud800"], ["\ud801"]],
];

for (const [what, a, b] of different) {
  test(`different: ${what}`, () => assert.deepEqual(numberKeys([a, b, a]), [0, 1, 0]));
}

test("the hash of a key is the same in every run and on every machine", () => {
  const golden: [unknown, number][] = [
    ["", 2872998923],
    ["a", 444641715],
    ["NL", 801457938],
    ["user-12345", 2994681524],
    ["x".repeat(100), 3842974242],
    ["\u{1f600}", 1787143206],
    [0, 0],
    [1, 1364076727],
    [-1, 2180083513],
    [42, 142593372],
    [2147483647, 4190899880],
    [2147483648, 174403402],
    [0.5, 1464710730],
    [Number.NaN, 4138800594],
    [Number.POSITIVE_INFINITY, 2850952019],
    [5n, 1312511448],
    [true, 2963069489],
    [false, 1131954669],
    [null, 1727762047],
    [undefined, 946718319],
    [["NL", 2024], 3169035313],
    [{ b: 1, a: "x" }, 3840201429],
    [new Date(0), 3737607518],
    [new Uint8Array([1, 2, 3]), 564204676],
  ];
  assert.deepEqual(
    golden.map(([key]) => [key, hashKey(key)]),
    golden,
  );
});

test("few partitions still get their share: the low bits of the hash are usable", () => {
  const families: Record<string, unknown[]> = {
    "small numbers": Array.from({ length: 4_000 }, (_, i) => i),
    "multiples of 8": Array.from({ length: 4_000 }, (_, i) => i * 8),
    "user names": Array.from({ length: 4_000 }, (_, i) => `user-${i}`),
    pairs: Array.from({ length: 4_000 }, (_, i) => ["NL", i]),
  };
  for (const [family, keys] of Object.entries(families)) {
    const counts = Array(8).fill(0);
    for (const key of keys) counts[hashKey(key) % 8]++;
    assert(Math.min(...counts) > 400 && Math.max(...counts) < 600, `${family}: ${counts}`);
  }
});

test("what has no value to compare is refused as a key, in words", () => {
  class Point {}
  const self: unknown[] = [];
  self.push(self);
  const refused: [unknown, RegExp][] = [
    [new Point(), /an instance of Point/],
    [[new Point()], /an instance of Point/],
    [{ f: () => 1 }, /a function/],
    [[Symbol("s")], /a symbol/],
    [new Float64Array(1), /an instance of Float64Array/],
    [Promise.resolve(), /an instance of Promise/],
    [self, /contains itself/],
  ];
  for (const [key, what] of refused) {
    for (const use of [() => hashKey(key), () => new KeyMap().find(key), () => new KeyMap().add(key, 1)]) {
      assert.throws(use, { code: "NOT_CLONEABLE", message: what, hint: /plain arrays and objects/ });
    }
  }
});

test("a KeyMap remembers the order of first insertion, and forgets all when cleared", () => {
  const map = new KeyMap<number>();
  for (const key of ["b", { x: 1 }, 1, ["a"]]) map.add(key, map.size);
  map.find({ x: 1 })!.value = 10;
  assert.deepEqual(
    map.entries.map(({ key, value }) => [key, value]),
    [
      ["b", 0],
      [{ x: 1 }, 10],
      [1, 2],
      [["a"], 3],
    ],
  );
  map.clear();
  assert.deepEqual([map.size, map.find("b"), map.find({ x: 1 })], [0, undefined, undefined]);
});

const plain = fc.anything({ withBigInt: true, withDate: true, withMap: false, withSet: false, maxDepth: 3 });

test("any plain key equals its copy, by map and by hash", () => {
  fc.assert(
    fc.property(plain, (key) => {
      const copy = structuredClone(key);
      assert.deepEqual(numberKeys([key, copy]), [0, 0]);
      assert.equal(hashKey(key), hashKey(copy));
    }),
  );
});

test("two keys share a canonical text only when they are equal", () => {
  fc.assert(
    fc.property(plain, plain, (a, b) => {
      const [textA, textB] = [canonicalKey([a]), canonicalKey([b])];
      if (textA !== textB) return;
      assert.deepEqual(withoutMinusZero(a), withoutMinusZero(b));
    }),
    { numRuns: 1_000 },
  );
});

/** Minus zero counts as zero in a key, and so it does for what compares them here. */
function withoutMinusZero(value: unknown): unknown {
  if (typeof value === "number") return value + 0;
  if (Array.isArray(value)) return Array.from(value, withoutMinusZero);
  if (typeof value !== "object" || value === null || value instanceof Date) return value;
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, withoutMinusZero(field)]));
}
