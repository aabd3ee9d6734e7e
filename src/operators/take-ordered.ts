import { failureOf, type NarrowOperator } from "./receiver.ts";

/** The first `n` values of a partition by `key`: the smallest for sign 1, the largest for -1. Equal ones stay in the order they came. */
export const takeOrdered = <T>(
  n: number,
  sign: 1 | -1,
  key: (value: T) => unknown = (value) => value,
): NarrowOperator<T, T> => ({
  bind: ({ push, end }, name) => {
    let best: { value: T; key: unknown }[] = [];
    const keepBest = () => {
      best.sort((a, b) => sign * compare(a.key, b.key));
      best = best.slice(0, n);
    };
    return {
      push: (value) => {
        try {
          best.push({ value, key: key(value) });
        } catch (error) {
          throw failureOf(name, error);
        }
        // Sorting now and then keeps memory at a multiple of n at the cost of a heap's bookkeeping per value.
        if (best.length >= 2 * n + 1000) keepBest();
      },
      end: () => {
        keepBest();
        for (const { value } of best) push(value);
        end();
      },
    };
  },
});

function compare(a: unknown, b: unknown): number {
  return (a as number) < (b as number) ? -1 : (a as number) > (b as number) ? 1 : 0;
}
