import { asyncFunction, failureOf, type NarrowOperator } from "./receiver.ts";

export const map = <T, U>(f: (value: T) => U): NarrowOperator<T, U> => ({
  perRecord: true,
  bind: ({ push, end }, name) => ({
    push: (value) => {
      let result: U;
      try {
        result = f(value);
      } catch (error) {
        throw failureOf(name, error);
      }
      if (result instanceof Promise) throw asyncFunction(name, result);
      push(result);
    },
    end,
  }),
});

export const mapValues = <K, V, U>(f: (value: V) => U): NarrowOperator<readonly [K, V], [K, U]> =>
  map(([key, value]) => {
    const result = f(value);
    // A promise inside a pair would pass the check of map.
    return (result instanceof Promise ? result : [key, result]) as [K, U];
  });
