import { compareRanks, type Rank, rankOf } from "./order.ts";
import type { NarrowOperator } from "./receiver.ts";

/** The first `n` values of a partition by `key`: the smallest for sign 1, the largest for -1. Equal ones stay in the order they came. */
export const takeOrdered = <T>(
  n: number,
  sign: 1 | -1,
  key: (value: T) => unknown = (value) => value,
): NarrowOperator<T, T> => ({
  bind: (next, name) => {
    let best: { value: T; rank: Rank }[] = [];
    const keepBest = () => {
      best.sort((a, b) => sign * compareRanks(a.rank, b.rank));
      best = best.slice(0, n);
    };
    return {
      push: (value) => {
        best.push({ value, rank: rankOf(value, key, name) });
        // Sorting now and then keeps memory at a multiple of n at the cost of a heap's bookkeeping per value.
        if (best.length >= 2 * n + 1000) keepBest();
      },
      end: () => {
        keepBest();
        for (const { value } of best) next.push(value);
        next.end();
      },
    };
  },
});
