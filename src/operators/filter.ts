import { ownCode } from "./own-code.ts";
import { asyncFunction, failureOf, type NarrowOperator, type OperatorName } from "./receiver.ts";

const pushKept =
  <T>(
    keep: (value: T) => boolean,
    push: (value: T) => void,
    name: OperatorName,
    failed: typeof failureOf,
    promised: typeof asyncFunction,
  ) =>
  (value: T): void => {
    let kept: unknown;
    try {
      kept = keep(value);
    } catch (error) {
      throw failed(name, error);
    }
    // A promise is truthy: without this check an async predicate would keep everything.
    if (kept instanceof Promise) throw promised(name, kept);
    if (kept) push(value);
  };

const ownPush = ownCode(pushKept);

export const filter = <T>(keep: (value: T) => boolean): NarrowOperator<T, T> => ({
  perRecord: true,
  bind: ({ push, end }, name) => ({ push: ownPush(name)(keep, push, name, failureOf, asyncFunction), end }),
});
