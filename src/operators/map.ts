import { ownCode } from "./own-code.ts";
import { asyncFunction, failureOf, type NarrowOperator, type OperatorName } from "./receiver.ts";

const pushMapped =
  <T, U>(
    f: (value: T) => U,
    push: (value: U) => void,
    name: OperatorName,
    failed: typeof failureOf,
    promised: typeof asyncFunction,
  ) =>
  (value: T): void => {
    let result: U;
    try {
      result = f(value);
    } catch (error) {
      throw failed(name, error);
    }
    if (result instanceof Promise) throw promised(name, result);
    push(result);
  };

const ownPush = ownCode(pushMapped);

export const map = <T, U>(f: (value: T) => U): NarrowOperator<T, U> => ({
  perRecord: true,
  bind: ({ push, end }, name) => ({ push: ownPush(name)(f, push, name, failureOf, asyncFunction), end }),
});

export const mapValues = <K, V, U>(f: (value: V) => U): NarrowOperator<readonly [K, V], [K, U]> =>
  map(([key, value]) => {
    const result = f(value);
    // A promise inside a pair would pass the check of map.
    return (result instanceof Promise ? result : [key, result]) as [K, U];
  });
