import type { Time } from "../model/duration.ts";
import { asyncFunction, failureOf, type OperatorName } from "../operators/receiver.ts";
import type { KeyedState, StateEntry } from "./keyed-state.ts";
import type { Panes, StateBatch, StateProgram } from "./program.ts";

/** The widest panes that make up both. */
export function panesOf(windowMs: number, slideMs: number): Panes {
  let [a, b] = [windowMs, slideMs];
  while (b > 0) [a, b] = [b, a % b];
  return { paneMs: a, window: windowMs / a, slide: slideMs / a };
}

/**
 * The panes of the window that the batch at `time` has to give, if any: first and last. Windows end at multiples of the slide, and the
 * first batch at or after that time gives them, also when the batch of that very time was missed.
 */
export function dueWindow(
  { paneMs, window, slide }: Panes,
  time: Time,
  previousTime: Time | undefined,
): { readonly first: number; readonly last: number } | undefined {
  const slideMs = slide * paneMs;
  const end = Math.floor(time / slideMs);
  if (end === Math.floor((previousTime ?? time - 1) / slideMs)) return undefined;
  return { first: end * slide - window + 1, last: end * slide };
}

/**
 * The end of a window that a batch at `time` would pass over, though what came up to the batch at `last` has been in no window yet. Undefined
 * when every record was, or still is in the window that the batch at `time` gives.
 */
export function endPassedOver({ paneMs, window, slide }: Panes, last: Time, time: Time): Time | undefined {
  const slideMs = slide * paneMs;
  const wasGiven = last % slideMs === 0;
  const end = (Math.floor(last / slideMs) + 1) * slideMs;
  const isGivenAtTime = time < end + slideMs;
  const isBetweenWindows = end - window * paneMs >= last;
  return wasGiven || isGivenAtTime || isBetweenWindows ? undefined : end;
}

/** A pane ends with its last millisecond: the window at t covers the batches in (t - window, t]. */
export const paneOf = ({ paneMs }: Panes, time: Time): number => Math.ceil(time / paneMs);

/** What is kept of one key: a partial result per pane, and, where windows are corrected by the inverse, the sum up to a pane. */
export interface WindowedValue<V> {
  panes: [pane: number, partial: V][];
  sum?: { value: V; upTo: number };
}

export interface WindowFunctions<K, V> {
  reduce(a: V, b: V): V;
  inverse?: ((a: V, b: V) => V) | undefined;
  filter?: ((key: K, value: V) => boolean) | undefined;
}

/** Reduces each key over a sliding window of partial results. Takes pairs that were reduced within their batch. */
export function reduceWindow<K, V>(
  functions: WindowFunctions<K, V>,
  panes: Panes,
): StateProgram<K, V, WindowedValue<V>, [K, V]> {
  return {
    kind: functions.inverse === undefined ? "window" : "invertibleWindow",
    orderedByTouch: false,
    panes,
    run(state, batch, name, emit) {
      const { reduce, inverse, filter } = guarded(functions, name);
      const pane = paneOf(panes, batch.time);
      const give = (key: K, value: V): boolean => {
        const kept = filter?.(key, value) !== false;
        if (kept) emit([key, value]);
        return kept;
      };
      return {
        push: ([key, partial]) => {
          const entry = state.find(key);
          if (entry === undefined) {
            state.put(key, { panes: [[pane, partial]] }, batch.time);
            return;
          }
          const { panes: kept } = entry.value;
          const last = kept.at(-1);
          if (last?.[0] === pane) last[1] = reduce(last[1], partial);
          else kept.push([pane, partial]);
          state.set(entry, entry.value, batch.time);
        },
        end: () => emitWindow(state, batch, panes, { reduce, inverse }, give),
      };
    },
  };
}

function emitWindow<K, V>(
  state: KeyedState<K, WindowedValue<V>>,
  batch: StateBatch,
  panes: Panes,
  functions: Pick<WindowFunctions<K, V>, "reduce" | "inverse">,
  give: (key: K, value: V) => boolean,
): void {
  const due = dueWindow(panes, batch.time, batch.previousTime);
  if (due === undefined) return;
  const advance = functions.inverse === undefined ? reduceAgain : correct;
  for (const entry of state.entries()) advance(state, entry, due, functions, give, batch.time);
}

type Due = { readonly first: number; readonly last: number };

/**
 * Folds the panes of the window. That panes have left it needs no writing: the next window leaves them out by their number.
 */
function reduceAgain<K, V>(
  state: KeyedState<K, WindowedValue<V>>,
  { key, value }: StateEntry<K, WindowedValue<V>>,
  { first, last }: Due,
  { reduce }: Pick<WindowFunctions<K, V>, "reduce">,
  give: (key: K, value: V) => boolean,
): void {
  value.panes = value.panes.filter(([pane]) => pane >= first);
  if (value.panes.length === 0) state.remove(key);
  const inside = value.panes.filter(([pane]) => pane <= last);
  if (inside.length > 0) give(key, fold(inside, reduce));
}

/** Takes from the sum what has left the window and adds what has come. A key stays, whatever its sum, until the filter drops it. */
function correct<K, V>(
  state: KeyedState<K, WindowedValue<V>>,
  entry: StateEntry<K, WindowedValue<V>>,
  { first, last }: Due,
  { reduce, inverse }: Pick<WindowFunctions<K, V>, "reduce" | "inverse">,
  give: (key: K, value: V) => boolean,
  time: Time,
): void {
  const { key, value } = entry;
  const { sum, panes } = value;
  const upTo = sum?.upTo ?? first - 1;
  const leaving = panes.filter(([pane]) => pane < first && pane <= upTo);
  const entering = panes.filter(([pane]) => pane > upTo && pane >= first && pane <= last);
  value.panes = panes.filter(([pane]) => pane >= first);
  if (sum === undefined) {
    if (entering.length > 0) value.sum = { value: fold(entering, reduce), upTo: last };
  } else {
    if (leaving.length > 0) sum.value = inverse!(sum.value, fold(leaving, reduce));
    if (entering.length > 0) sum.value = reduce(sum.value, fold(entering, reduce));
    sum.upTo = last;
  }
  const kept = value.sum === undefined || give(key, value.sum.value);
  if (!kept) delete value.sum;
  if (value.sum === undefined && value.panes.length === 0) state.remove(key);
  else if (leaving.length + entering.length > 0 || !kept) state.set(entry, value, time);
}

function fold<V>(panes: readonly [number, V][], reduce: (a: V, b: V) => V): V {
  return panes.slice(1).reduce((sum, [, partial]) => reduce(sum, partial), panes[0]![1]);
}

/** The user's functions, with their failures told apart from ours. */
function guarded<K, V>({ reduce, inverse, filter }: WindowFunctions<K, V>, name: OperatorName): WindowFunctions<K, V> {
  const guard = <A extends unknown[], R>(f: (...args: A) => R) => {
    return (...args: A): R => {
      let result: R;
      try {
        result = f(...args);
      } catch (error) {
        throw failureOf(name, error);
      }
      if (result instanceof Promise) throw asyncFunction(name, result);
      return result;
    };
  };
  return { reduce: guard(reduce), inverse: inverse && guard(inverse), filter: filter && guard(filter) };
}
