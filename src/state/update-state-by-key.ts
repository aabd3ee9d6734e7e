import { asyncFunction, failureOf } from "../operators/receiver.ts";
import type { StateEntry } from "./keyed-state.ts";
import type { StateProgram } from "./program.ts";

/** Visits every key in every batch, or only those with values. Emits what is there afterwards. */
export function updateStateByKey<K, V, S>(
  update: (values: V[], state: S | undefined) => S | undefined,
  onlyTouched: boolean,
): StateProgram<K, V[], S, [K, S]> {
  return {
    kind: "updateStateByKey",
    orderedByTouch: false,
    run(state, batch, name, emit) {
      const visit = (key: K, values: V[], entry: StateEntry<K, S> | undefined) => {
        let result: S | undefined;
        try {
          result = update(values, entry?.value);
        } catch (error) {
          throw failureOf(name, error);
        }
        if (result instanceof Promise) throw asyncFunction(name, result);
        if (result === undefined) state.remove(key);
        // A primitive that stayed the same needs no writing; an object may have been changed in place.
        else if (entry === undefined) state.put(key, result, batch.time);
        else if (entry.value !== result || typeof result === "object") state.set(entry, result, batch.time);
        if (onlyTouched && result !== undefined) emit([key, result]);
      };
      const pending = new Map<StateEntry<K, S>, V[]>();
      const fresh: [K, V[]][] = [];
      return {
        push: ([key, given]) => {
          let values = given;
          if (batch.withInitial) {
            const tagged = given as unknown as [boolean, unknown][];
            for (const [isInitial, initial] of tagged) if (isInitial) state.put(key, initial as S, batch.time);
            values = tagged.flatMap(([isInitial, value]) => (isInitial ? [] : [value as V]));
            if (values.length === 0) return;
          }
          const entry = state.find(key);
          if (entry === undefined) fresh.push([key, values]);
          else pending.set(entry, values);
        },
        end: () => {
          if (!batch.due) return;
          for (const entry of onlyTouched ? [...pending.keys()] : state.entries()) {
            visit(entry.key, pending.get(entry) ?? [], entry);
          }
          for (const [key, values] of fresh) visit(key, values, undefined);
          if (onlyTouched) return;
          for (const { key, value } of state.entries()) emit([key, value]);
        },
      };
    },
  };
}
