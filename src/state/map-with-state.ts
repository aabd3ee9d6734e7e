import type { Time } from "../model/duration.ts";
import { MillraceError } from "../model/errors.ts";
import { asyncFunction, failureOf, type Receiver } from "../operators/receiver.ts";
import type { KeyedState, StateEntry } from "./keyed-state.ts";
import type { StateProgram } from "./program.ts";

/** The state of one key, while the function given to mapWithState runs for it. Spark: `State`. */
export interface State<S> {
  exists(): boolean;
  /** Undefined when there is none. */
  get(): S | undefined;
  /** Also after changing the value in place. */
  update(state: S): void;
  remove(): void;
  /** True when this is the last call for a key that nobody touched for longer than the timeout. */
  isTimingOut(): boolean;
}

export type StateFunction<K, V, S, U> = (key: K, value: V | undefined, state: State<S>, time: Time) => U;

export function mapWithState<K, V, S, U>(
  f: StateFunction<K, V, S, U>,
  timeoutMs: number | undefined,
): StateProgram<K, V, S, U> {
  return {
    kind: "mapWithState",
    orderedByTouch: timeoutMs !== undefined,
    run(state, batch, name, emit): Receiver<readonly [K, V]> {
      const handle = new StateHandle<K, S>(state, batch.time);
      const call = (key: K, value: V | undefined) => {
        let result: U;
        try {
          result = f(key, value, handle, batch.time);
        } catch (error) {
          throw failureOf(name, error);
        } finally {
          handle.close();
        }
        if (result instanceof Promise) throw asyncFunction(name, result);
        if (result !== undefined) emit(result);
      };
      const timeOut = (olderThan: Time) => {
        for (const { key, touchedAt, value } of state.oldestFirst()) {
          if (touchedAt >= olderThan) return;
          handle.open(key, value, true);
          call(key, undefined);
          state.remove(key);
        }
      };
      return {
        push: ([key, given]) => {
          const [isInitial, value] = batch.withInitial ? (given as unknown as [boolean, V]) : [false, given];
          if (isInitial) {
            state.put(key, value as unknown as S, batch.time);
            return;
          }
          if (!batch.due) return;
          const entry = state.find(key);
          handle.open(key, entry?.value, false, entry !== undefined);
          call(key, value);
          handle.keep(entry);
        },
        end: () => {
          if (timeoutMs !== undefined && batch.due) timeOut(batch.time - timeoutMs);
          handle.revoke();
        },
      };
    },
  };
}

/** One object for all keys of a partition. Between calls, and when the batch is over, it refuses to be used. */
class StateHandle<K, S> implements State<S> {
  readonly #state: KeyedState<K, S>;
  readonly #time: Time;
  #key: K | undefined;
  #value: S | undefined;
  #exists = false;
  #timingOut = false;
  #removed = false;
  #open = false;

  constructor(state: KeyedState<K, S>, time: Time) {
    this.#state = state;
    this.#time = time;
  }

  open(key: K, value: S | undefined, timingOut: boolean, exists = true): void {
    this.#key = key;
    this.#value = value;
    this.#exists = exists;
    this.#timingOut = timingOut;
    this.#removed = false;
    this.#open = true;
  }

  close(): void {
    this.#open = false;
  }

  /** After a call: writes what the key now has. A value that was only read may have been changed in place. */
  keep(found: StateEntry<K, S> | undefined): void {
    if (!this.#exists) return;
    if (found === undefined) this.#state.put(this.#key as K, this.#value as S, this.#time);
    else this.#state.set(found, this.#value as S, this.#time);
  }

  revoke(): void {
    this.#key = undefined;
    this.#value = undefined;
  }

  exists(): boolean {
    this.#check("exists");
    return this.#exists;
  }

  get(): S | undefined {
    this.#check("get");
    return this.#value;
  }

  update(value: S): void {
    this.#check("update");
    this.#refuseFinal("updated");
    this.#value = value;
    this.#exists = true;
  }

  remove(): void {
    this.#check("remove");
    this.#refuseFinal("removed");
    this.#state.remove(this.#key as K);
    this.#value = undefined;
    this.#exists = false;
    this.#removed = true;
  }

  isTimingOut(): boolean {
    this.#check("isTimingOut");
    return this.#timingOut;
  }

  #check(method: string): void {
    if (this.#open) return;
    throw new MillraceError(
      "WRONG_STATE",
      `State.${method}() was called after the function that got the state had returned.`,
      {
        hint: "Use the state only inside the function given to mapWithState, which must not be async; copy what you need from it.",
      },
    );
  }

  #refuseFinal(done: string): void {
    if (!this.#timingOut && !this.#removed) return;
    throw new MillraceError(
      "WRONG_STATE",
      `A state cannot be ${done} ${this.#removed ? "after it was removed" : "while it is timing out"}.`,
      {
        hint: "Ask isTimingOut() first: that call is the last one for the key. remove() is final within one call.",
      },
    );
  }
}
