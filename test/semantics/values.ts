import { inspect } from "node:util";

/** Keys and how the model tells them apart: by a text of Node's that the engine does not use. */

export type Key = unknown;
export type Pair = [key: Key, value: number];

/** What can be a key, with some that are equal by value though they are not the same, and some that only look alike. */
export const keys: readonly Key[] = [
  "a",
  "b",
  "",
  "1",
  "null",
  "a text of more than twelve characters",
  "\ud800",
  "é",
  0,
  -0,
  1,
  1.5,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  2 ** 53,
  1n,
  2n ** 70n,
  true,
  false,
  null,
  undefined,
  [],
  [[]],
  [undefined],
  [null],
  [0],
  [-0],
  [1, "a"],
  [1, ["a"]],
  ["1", "a"],
  ["1,a"],
  {},
  { a: 1, b: 2 },
  { b: 2, a: 1 },
  { a: undefined },
  { a: { b: [Number.NaN] } },
  { length: 0 },
  new Date(0),
  new Date(1),
  new Date(Number.NaN),
  [new Date(0)],
  "1970-01-01T00:00:00.000Z",
  new Map<unknown, unknown>([
    ["a", 1],
    [1, "a"],
  ]),
  new Map<unknown, unknown>([
    [1, "a"],
    ["a", 1],
  ]),
  new Map(),
  new Set([1, 2]),
  new Set([2, 1]),
  new Set(),
  Uint8Array.of(1, 2),
  Uint8Array.of(),
];

/** Equal for what is equal by value, -0 being 0. */
export function textOf(value: unknown): string {
  return inspect(withoutMinusZero(value), {
    depth: null,
    sorted: true,
    maxArrayLength: null,
    maxStringLength: null,
    breakLength: Number.POSITIVE_INFINITY,
  });
}

function withoutMinusZero(value: unknown): unknown {
  if (value === 0) return 0;
  if (Array.isArray(value)) return value.map(withoutMinusZero);
  if (typeof value !== "object" || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, withoutMinusZero(field)]));
}
