import { ownCode } from "./own-code.ts";
import { asyncFunction, failureOf, type NarrowOperator, type OperatorName, type Receiver } from "./receiver.ts";

const mapping = ownCode(
  (failed: typeof failureOf, promised: typeof asyncFunction) =>
    class Mapping<T, U> implements Receiver<T> {
      declare readonly f: (value: T) => U;
      declare readonly next: Receiver<U>;
      declare readonly name: OperatorName;

      constructor(f: (value: T) => U, next: Receiver<U>, name: OperatorName) {
        this.f = f;
        this.next = next;
        this.name = name;
      }

      push(value: T): void {
        const f = this.f;
        let result: U;
        try {
          result = f(value);
        } catch (error) {
          throw failed(this.name, error);
        }
        if (result instanceof Promise) throw promised(this.name, result);
        this.next.push(result);
      }

      end(): void {
        this.next.end();
      }
    },
  failureOf,
  asyncFunction,
);

export const map = <T, U>(f: (value: T) => U): NarrowOperator<T, U> => ({
  perRecord: true,
  bind: (next, name) => new (mapping(name))(f, next, name),
});

export const mapValues = <K, V, U>(f: (value: V) => U): NarrowOperator<readonly [K, V], [K, U]> =>
  map(([key, value]) => {
    const result = f(value);
    // A promise inside a pair would pass the check of map.
    return (result instanceof Promise ? result : [key, result]) as [K, U];
  });
