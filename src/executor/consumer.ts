import { type Action, type Moments, noMoments } from "../graph/action.ts";
import { unreachable } from "../model/errors.ts";
import { compareRanks, type Rank, rankOf } from "../operators/order.ts";
import { enough, failureOf, type Receiver } from "../operators/receiver.ts";
import { encodeValues } from "../shuffle/codec.ts";
import { KeyMap } from "../shuffle/key.ts";
import { VALUES_PER_SEGMENT } from "../shuffle/movement.ts";

/** The last link of a chain, and what it has to show in the end. */
export interface Collector extends Receiver<unknown> {
  result(): unknown;
}

const end = () => {};

/** Actions that need nothing but the values. */
export type CollectedAction = Exclude<Action, { kind: "saveAsTextFile" }>;

/** Computes one partition of an action. Results that hold values of the user are encoded here, by the rules of what may cross. */
export function collectorOf(action: CollectedAction, name: string): Collector {
  switch (action.kind) {
    case "collect":
      return collect(name);
    case "take":
      return take(name, action.limit);
    case "count":
      return new Count();
    case "countByKey":
      return countBy(name, (pair) => pairIn(pair, "countByKey", name)[0]);
    case "countByValue":
      return countBy(name, (value) => value);
    case "stats":
      return stats(name);
    case "extreme":
      return extreme(name, action.sign);
    case "lookup":
      return lookup(name, action.key);
    case "histogram":
      return histogram(name, action.edges);
    default:
      return unreachable(action);
  }
}

/** Encoded as they come: what waits for it is small, and whoever decodes need not hold all of them at once. */
function collect(name: string): Collector {
  const segments: Buffer[] = [];
  let waiting: unknown[] = [];
  const flush = () => {
    if (waiting.length > 0) segments.push(encodeValues(waiting, name));
    waiting = [];
  };
  return {
    push: (value) => {
      if (waiting.push(value) === VALUES_PER_SEGMENT) flush();
    },
    end: flush,
    result: () => segments,
  };
}

function take(name: string, limit: number): Collector {
  const values: unknown[] = [];
  return {
    push: (value) => {
      values.push(value);
      if (values.length >= limit) throw enough;
    },
    end,
    result: () => [encodeValues(values, name)],
  };
}

class Count implements Collector {
  readonly countsOnly = true;
  count = 0;

  push(): void {
    this.count++;
  }

  end(): void {}

  result(): number {
    return this.count;
  }
}

/** Types allow only pairs here; JavaScript and casts do not. */
function pairIn(value: unknown, method: string, name: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw failureOf(name, new TypeError(`${method} works on pairs [key, value]; it got ${typeNameOf(value)}.`));
}

/** Nor do types hold what a record holds: texts would be put together instead of added, and a bigint be a bug of ours. */
function numberIn(value: unknown, asked: string, name: string): number {
  if (typeof value === "number") return value;
  throw failureOf(name, new TypeError(`${asked} of numbers; it got ${typeNameOf(value)}.`));
}

const typeNameOf = (value: unknown) => (value === null ? "null" : typeof value);

function countBy(name: string, keyOf: (value: unknown) => unknown): Collector {
  const counts = new KeyMap<number>();
  return {
    push: (value) => {
      const key = keyOf(value);
      const entry = counts.find(key);
      if (entry === undefined) counts.add(key, 1);
      else entry.value++;
    },
    end,
    result: () => [
      encodeValues(
        counts.entries.map(({ key, value }) => [key, value]),
        name,
      ),
    ],
  };
}

/** Welford's method: one pass, no loss of digits. */
function stats(name: string): Collector {
  const moments: Moments = { ...noMoments };
  return {
    push: (value) => {
      const x = numberIn(value, "Sums and statistics are", name);
      moments.count++;
      const delta = x - moments.mean;
      moments.mean += delta / moments.count;
      moments.spread += delta * (x - moments.mean);
      moments.sum += x;
      moments.min = Math.min(moments.min, x);
      moments.max = Math.max(moments.max, x);
    },
    end,
    result: () => moments,
  };
}

function extreme(name: string, sign: 1 | -1): Collector {
  let best: { readonly value: unknown; readonly rank: Rank } | undefined;
  return {
    push: (value) => {
      const rank = rankOf(value, (same) => same, name);
      if (best === undefined || sign * compareRanks(rank, best.rank) < 0) best = { value, rank };
    },
    end,
    result: () => (best === undefined ? [] : [encodeValues([best.value], name)]),
  };
}

function lookup(name: string, key: unknown): Collector {
  const wanted = new KeyMap<true>();
  wanted.add(key, true);
  const found = collect(name);
  return {
    push: (pair) => {
      const [key, value] = pairIn(pair, "lookup", name);
      if (wanted.find(key) !== undefined) found.push(value);
    },
    end: () => found.end(),
    result: () => found.result(),
  };
}

/** The last bucket has its upper edge as well. What is NaN, or outside, is in none. */
function histogram(name: string, edges: readonly number[]): Collector {
  const counts: number[] = Array(edges.length - 1).fill(0);
  const last = edges.at(-1)!;
  return {
    push: (value) => {
      const x = numberIn(value, "A histogram is", name);
      if (!(x >= edges[0]! && x <= last)) return;
      let [low, high] = [0, counts.length - 1];
      while (low < high) {
        const middle = (low + high + 1) >> 1;
        if (edges[middle]! <= x) low = middle;
        else high = middle - 1;
      }
      counts[low]!++;
    },
    end,
    result: () => counts,
  };
}

/** Actions whose per-partition results travel encoded, in segments. */
export function isEncoded(action: Action): boolean {
  return !["count", "stats", "histogram", "saveAsTextFile"].includes(action.kind);
}
