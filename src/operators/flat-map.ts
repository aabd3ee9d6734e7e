import { ownCode } from "./own-code.ts";
import { asyncFunction, failureOf, type NarrowOperator, type OperatorName, type Receiver } from "./receiver.ts";

const flattening = ownCode(
  (failed: typeof failureOf, iterate: typeof iterated) =>
    class Flattening<T, U> implements Receiver<T> {
      declare readonly f: (value: T) => Iterable<U>;
      declare readonly next: Receiver<U>;
      declare readonly name: OperatorName;

      constructor(f: (value: T) => Iterable<U>, next: Receiver<U>, name: OperatorName) {
        this.f = f;
        this.next = next;
        this.name = name;
      }

      push(value: T): void {
        const f = this.f;
        const next = this.next;
        let results: Iterable<U>;
        try {
          results = f(value);
        } catch (error) {
          throw failed(this.name, error);
        }
        if (Array.isArray(results)) for (let i = 0; i < results.length; i++) next.push(results[i] as U);
        else for (const result of iterate(results, this.name)) next.push(result);
      }

      end(): void {
        this.next.end();
      }
    },
  failureOf,
  iterated,
);

export const flatMap = <T, U>(f: (value: T) => Iterable<U>): NarrowOperator<T, U> => ({
  perRecord: true,
  bind: (next, name) => new (flattening(name))(f, next, name),
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
