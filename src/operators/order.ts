import { failureOf, type OperatorName } from "./receiver.ts";

/**
 * What values can be ordered by. Numbers come before texts and texts before arrays, NaN last among numbers; texts by UTF-16 code units, as in
 * JavaScript; false before true; arrays as tuples in Spark: by their first element, then the next, a shorter one before what it begins.
 */
export type Orderable = string | number | bigint | boolean | Date | readonly Orderable[];

/** An {@link Orderable} without its dates and booleans. */
export type Rank = string | number | bigint | readonly Rank[];

/** Where a value stands by what the user's function gave for it. @throws what that function throws, or that it cannot be ordered */
export function rankOf<T>(value: T, key: (value: T) => unknown, name: OperatorName): Rank {
  try {
    return rankIn(key(value));
  } catch (error) {
    throw failureOf(name, error);
  }
}

function rankIn(order: unknown): Rank {
  switch (typeof order) {
    case "string":
    case "number":
    case "bigint":
      return order;
    case "boolean":
      return Number(order);
    default:
      if (order instanceof Date) return order.getTime();
      if (Array.isArray(order)) return order.map(rankIn);
      throw new TypeError(
        `It orders by texts, numbers, bigints, booleans, dates and arrays of these; it got ${order === null ? "null" : typeof order}.`,
      );
  }
}

export function compareRanks(a: Rank, b: Rank): number {
  const kinds = kindOf(a) - kindOf(b);
  if (kinds !== 0) return kinds;
  if (typeof a === "object") return compareInTurn(a, b as readonly Rank[]);
  return a < b ? -1 : a > b ? 1 : Number(Number.isNaN(a)) - Number(Number.isNaN(b));
}

const kindOf = (rank: Rank): number => (typeof rank === "string" ? 1 : typeof rank === "object" ? 2 : 0);

function compareInTurn(a: readonly Rank[], b: readonly Rank[]): number {
  for (let i = 0; i < a.length && i < b.length; i++) {
    const order = compareRanks(a[i]!, b[i]!);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}
