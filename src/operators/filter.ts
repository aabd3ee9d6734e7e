import { asyncFunction, failureOf, type NarrowOperator } from "./receiver.ts";

export const filter = <T>(keep: (value: T) => boolean): NarrowOperator<T, T> => ({
  perRecord: true,
  bind: ({ push, end }, name) => ({
    push: (value) => {
      let kept: unknown;
      try {
        kept = keep(value);
      } catch (error) {
        throw failureOf(name, error);
      }
      // A promise is truthy: without this check an async predicate would keep everything.
      if (kept instanceof Promise) throw asyncFunction(name, kept);
      if (kept) push(value);
    },
    end,
  }),
});
