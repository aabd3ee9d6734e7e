import { asyncFunction, failureOf, type NarrowOperator } from "./receiver.ts";

/** One number per partition: how many values there were. */
export const countPartition = (): NarrowOperator<unknown, number> => ({
  bind: (next) => {
    let count = 0;
    return {
      countsOnly: true,
      push: () => {
        count++;
      },
      end: () => {
        next.push(count);
        next.end();
      },
    };
  },
});

/** One value per partition that has any: all of them folded in order. */
export const reducePartition = <T>(f: (a: T, b: T) => T): NarrowOperator<T, T> => ({
  bind: (next, name) => {
    let empty = true;
    let folded: T;
    return {
      push: (value) => {
        if (empty) {
          folded = value;
          empty = false;
          return;
        }
        try {
          folded = f(folded, value);
        } catch (error) {
          throw failureOf(name, error);
        }
        if (folded instanceof Promise) throw asyncFunction(name, folded);
      },
      end: () => {
        if (!empty) next.push(folded);
        next.end();
      },
    };
  },
});

/** One number per partition, also for an empty one. */
export const sumPartition = (): NarrowOperator<number, number> => ({
  bind: (next) => {
    let sum = 0;
    return {
      push: (value) => {
        sum += value;
      },
      end: () => {
        next.push(sum);
        next.end();
      },
    };
  },
});

/** All values of a partition folded into what `zero` gives; nothing for an empty partition unless `always`. */
export const aggregatePartition = <T, C>(
  zero: () => C,
  add: (aggregate: C, value: T) => C,
  always: boolean,
): NarrowOperator<T, C> => ({
  bind: (next, name) => {
    let aggregate = zero();
    let any = always;
    return {
      push: (value) => {
        any = true;
        try {
          aggregate = add(aggregate, value);
        } catch (error) {
          throw failureOf(name, error);
        }
        if (aggregate instanceof Promise) throw asyncFunction(name, aggregate);
      },
      end: () => {
        if (any) next.push(aggregate);
        next.end();
      },
    };
  },
});
