import { ownCode } from "./own-code.ts";
import { asyncFunction, failureOf, type NarrowOperator, type OperatorName, type Receiver } from "./receiver.ts";

const filtering = ownCode(
  (failed: typeof failureOf, promised: typeof asyncFunction) =>
    class Filtering<T> implements Receiver<T> {
      declare readonly keep: (value: T) => boolean;
      declare readonly next: Receiver<T>;
      declare readonly name: OperatorName;

      constructor(keep: (value: T) => boolean, next: Receiver<T>, name: OperatorName) {
        this.keep = keep;
        this.next = next;
        this.name = name;
      }

      push(value: T): void {
        const keep = this.keep;
        let kept: unknown;
        try {
          kept = keep(value);
        } catch (error) {
          throw failed(this.name, error);
        }
        // A promise is truthy: without this check an async predicate would keep everything.
        if (kept instanceof Promise) throw promised(this.name, kept);
        if (kept) this.next.push(value);
      }

      end(): void {
        this.next.end();
      }
    },
  failureOf,
  asyncFunction,
);

export const filter = <T>(keep: (value: T) => boolean): NarrowOperator<T, T> => ({
  perRecord: true,
  bind: (next, name) => new (filtering(name))(keep, next, name),
});
