import type { NarrowOperator } from "./receiver.ts";

/** All values of a partition as one array. */
export const glom = <T>(): NarrowOperator<T, T[]> => ({
  bind: (next) => {
    const values: T[] = [];
    return {
      push: (value) => {
        values.push(value);
      },
      end: () => {
        next.push(values);
        next.end();
      },
    };
  },
});
