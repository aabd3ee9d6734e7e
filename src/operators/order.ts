import { failureOf, type OperatorName } from "./receiver.ts";

/** What values can be ordered by. Numbers come before texts, NaN last among numbers; texts by UTF-16 code units, as in JavaScript. */
export type Orderable = string | number | bigint | Date;

/** An {@link Orderable} without its Date. */
export type Rank = string | number | bigint;

/** Where a value stands by what the user's function gave for it. @throws what that function throws, or that it cannot be ordered */
export function rankOf<T>(value: T, key: (value: T) => unknown, name: OperatorName): Rank {
  try {
    const order = key(value);
    switch (typeof order) {
      case "string":
      case "number":
      case "bigint":
        return order;
      default:
        if (order instanceof Date) return order.getTime();
        throw new TypeError(`It orders by texts, numbers, bigints and dates; it got ${nameOf(order)}.`);
    }
  } catch (error) {
    throw failureOf(name, error);
  }
}

function nameOf(value: unknown): string {
  return Array.isArray(value) ? "an array" : value === null ? "null" : typeof value;
}

export function compareRanks(a: Rank, b: Rank): number {
  const texts = Number(typeof a === "string") - Number(typeof b === "string");
  if (texts !== 0) return texts;
  return a < b ? -1 : a > b ? 1 : Number(Number.isNaN(a)) - Number(Number.isNaN(b));
}
