import { deserialize, serialize } from "node:v8";
import { assert, MillraceError } from "../model/errors.ts";
import { refuseBuffers } from "../shuffle/cloneable.ts";
import { decodeColumns, decodeValues, encodeColumns, encodeValues } from "../shuffle/codec.ts";
import { KeyedState, type StateEntry } from "./keyed-state.ts";

/**
 * How the state of a partition is written: a snapshot, and after it what each batch has changed. Both have the same form. Values travel
 * by the codec of the shuffle, so what would not survive is refused when it is first written, not when it is first needed.
 */

/** Part of the format: another way of writing values gets another name. */
const CODEC = "structured-clone-1";

/** Whose state it is. */
export interface StateIdentity {
  readonly name: string;
  /** Of the program. */
  readonly kind: string;
}

type Written = readonly [
  codec: string,
  kind: string,
  entries: Uint8Array,
  touchedAt: Float64Array,
  removed: Uint8Array,
];

/** @returns undefined when nothing has changed. @throws NOT_CLONEABLE with the path of a value that would not survive */
export function encodeChanges<K, S>(
  state: KeyedState<K, S>,
  identity: StateIdentity,
): Uint8Array<ArrayBuffer> | undefined {
  const { changed, removed } = state.takeChanges();
  return changed.length + removed.length === 0 ? undefined : encode(changed, removed, identity);
}

/** Everything there is; what has changed is part of it. */
export function encodeSnapshot<K, S>(state: KeyedState<K, S>, identity: StateIdentity): Uint8Array<ArrayBuffer> {
  state.takeChanges();
  return encode(state.entries(), [], identity);
}

/** A partition of these entries and no others, in this order. */
export function encodeEntries<K, S>(
  entries: readonly StateEntry<K, S>[],
  identity: StateIdentity,
): Uint8Array<ArrayBuffer> {
  return encode(entries, [], identity);
}

function encode<K, S>(
  entries: readonly StateEntry<K, S>[],
  removed: readonly K[],
  { name, kind }: StateIdentity,
): Uint8Array<ArrayBuffer> {
  const keys = entries.map(({ key }) => key);
  const values = entries.map(({ value }) => value);
  const written: Written = [
    CODEC,
    kind,
    encodeColumns(keys, values, `state "${name}"`, refuseBuffers),
    Float64Array.from(entries, ({ touchedAt }) => touchedAt),
    encodeValues(removed, `state "${name}"`),
  ];
  return Uint8Array.from(serialize(written));
}

/** The state after a snapshot and the changes that follow it. @throws STATE_DIFFERS when another program has written them */
export function decodeState<K, S>(
  parts: Iterable<Uint8Array>,
  identity: StateIdentity,
  orderedByTouch: boolean,
): KeyedState<K, S> {
  const state = new KeyedState<K, S>(orderedByTouch);
  for (const part of parts) apply(state, part, identity);
  state.takeChanges();
  return state;
}

/** For looking at it: whoever has written it. */
export function decodeAnyState(parts: readonly Uint8Array[]): KeyedState<unknown, unknown> {
  const [first] = parts;
  const kind = first === undefined ? "" : (deserialize(first) as Written)[1];
  return decodeState(parts, { name: "", kind }, false);
}

function apply<K, S>(state: KeyedState<K, S>, part: Uint8Array, { name, kind }: StateIdentity): void {
  const [codec, writer, entries, touchedAt, removed] = deserialize(part) as Written;
  assert(codec === CODEC, `state was written by the codec ${codec}`);
  if (writer !== kind) {
    throw new MillraceError(
      "STATE_DIFFERS",
      `The state "${name}" was written by ${writer}; the job reads it by ${kind}.`,
      {
        hint: "Go back to that operation, or give the state another name to begin anew.",
      },
    );
  }
  for (const key of decodeValues(removed) as K[]) state.remove(key);
  const { keys, values } = decodeColumns(entries);
  for (const [i, key] of keys.entries()) state.put(key as K, values[i] as S, touchedAt[i]!);
}
