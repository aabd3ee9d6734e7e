import { ownCode } from "./own-code.ts";
import { asyncFunction, failureOf, type NarrowOperator, type OperatorName } from "./receiver.ts";

const pushEach =
  <T, U>(
    f: (value: T) => Iterable<U>,
    push: (value: U) => void,
    name: OperatorName,
    failed: typeof failureOf,
    iterated: (results: Iterable<U>, name: OperatorName) => Iterable<U>,
  ) =>
  (value: T): void => {
    let results: Iterable<U>;
    try {
      results = f(value);
    } catch (error) {
      throw failed(name, error);
    }
    if (Array.isArray(results)) for (let i = 0; i < results.length; i++) push(results[i] as U);
    else for (const result of iterated(results, name)) push(result);
  };

const ownPush = ownCode(pushEach);

export const flatMap = <T, U>(f: (value: T) => Iterable<U>): NarrowOperator<T, U> => ({
  perRecord: true,
  bind: ({ push, end }, name) => ({ push: ownPush(name)(f, push, name, failureOf, iterated), end }),
});

/** What is no array. */
function iterated<U>(results: Iterable<U>, name: OperatorName): Iterable<U> {
  if (results instanceof Promise) throw asyncFunction(name, results);
  if (!isIterable(results)) throw notIterable(results, name);
  return guarded(results, name);
}

export const flatMapValues = <K, V, U>(f: (value: V) => Iterable<U>): NarrowOperator<readonly [K, V], [K, U]> =>
  flatMap(([key, value]) => {
    const results: unknown = f(value);
    // What cannot be iterated is flatMap's to refuse.
    if (!isIterable(results)) return results as never;
    return Array.from(results as Iterable<U>, (result): [K, U] => [key, result]);
  });

function isIterable(value: unknown): value is Iterable<unknown> {
  return typeof (value as Iterable<unknown> | null | undefined)?.[Symbol.iterator] === "function";
}

function notIterable(returned: unknown, name: string): unknown {
  if (typeof returned === "object" && returned !== null && Symbol.asyncIterator in returned) {
    return asyncFunction(name, "an async iterable");
  }
  const what = returned === null ? "null" : typeof returned;
  return failureOf(name, new TypeError(`its function returned ${what}, not an array or another iterable`));
}

/** Iterates what the user returned, so that a generator that throws is told apart from an operator further down that does. */
function* guarded<U>(results: Iterable<U>, name: string): Generator<U> {
  let iterator: Iterator<U> | undefined;
  let finished = false;
  try {
    while (true) {
      let step: IteratorResult<U>;
      try {
        iterator ??= results[Symbol.iterator]();
        step = iterator.next();
      } catch (error) {
        finished = true;
        throw failureOf(name, error);
      }
      if (step.done) {
        finished = true;
        return;
      }
      yield step.value;
    }
  } finally {
    if (!finished) iterator?.return?.();
  }
}
