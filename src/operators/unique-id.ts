import type { NarrowOperator } from "./receiver.ts";

/** Each value of partition k of n with k, n + k, 2n + k ... */
export const zipWithUniqueId = <T>(): NarrowOperator<T, [T, number]> => ({
  perRecord: true,
  bind: (next, _name, { partition, numPartitions }) => {
    let id = partition;
    return {
      push: (value) => {
        next.push([value, id]);
        id += numPartitions;
      },
      end: () => next.end(),
    };
  },
});
