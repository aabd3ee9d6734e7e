import { deserialize, serialize } from "node:v8";
import { assert } from "../model/errors.ts";
import { decodeColumns, decodeValues, encodeColumns, encodeValues } from "../shuffle/codec.ts";
import { KeyedState, type StateEntry } from "./keyed-state.ts";

/**
 * How the state of a partition is written: a snapshot, and after it what each batch has changed. Both have the same form. Values travel
 * by the codec of the shuffle, so what would not survive is refused when it is first written, not when it is first needed.
 */

/** Part of the format: another way of writing values gets another name. */
const CODEC = "structured-clone-1";

type Written = readonly [codec: string, entries: Uint8Array, touchedAt: Float64Array, removed: Uint8Array];

/** @returns undefined when nothing has changed. @throws NOT_CLONEABLE with the path of a value that would not survive */
export function encodeChanges<K, S>(state: KeyedState<K, S>, name: string): Uint8Array<ArrayBuffer> | undefined {
  const { changed, removed } = state.takeChanges();
  return changed.length + removed.length === 0 ? undefined : encode(changed, removed, name);
}

/** Everything there is; what has changed is part of it. */
export function encodeSnapshot<K, S>(state: KeyedState<K, S>, name: string): Uint8Array<ArrayBuffer> {
  state.takeChanges();
  return encode(state.entries(), [], name);
}

function encode<K, S>(
  entries: readonly StateEntry<K, S>[],
  removed: readonly K[],
  name: string,
): Uint8Array<ArrayBuffer> {
  const keys = entries.map(({ key }) => key);
  const values = entries.map(({ value }) => value);
  const written: Written = [
    CODEC,
    encodeColumns(keys, values, `state "${name}"`),
    Float64Array.from(entries, ({ touchedAt }) => touchedAt),
    encodeValues(removed, `state "${name}"`),
  ];
  return Uint8Array.from(serialize(written));
}

/** The state after a snapshot and the changes that follow it. */
export function decodeState<K, S>(parts: Iterable<Uint8Array>, orderedByTouch: boolean): KeyedState<K, S> {
  const state = new KeyedState<K, S>(orderedByTouch);
  for (const part of parts) apply(state, part);
  state.takeChanges();
  return state;
}

function apply<K, S>(state: KeyedState<K, S>, part: Uint8Array): void {
  const [codec, entries, touchedAt, removed] = deserialize(part) as Written;
  assert(codec === CODEC, `state was written by the codec ${codec}`);
  for (const key of decodeValues(removed) as K[]) state.remove(key);
  const { keys, values } = decodeColumns(entries);
  for (const [i, key] of keys.entries()) state.put(key as K, values[i] as S, touchedAt[i]!);
}
