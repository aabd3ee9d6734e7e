import { canonicalKey, owned } from "../shuffle/key.ts";

export interface StateEntry<K, S> {
  readonly key: K;
  readonly value: S;
  /** The batch time at which the key was last touched. */
  readonly touchedAt: number;
}

interface Held<K, S> {
  readonly key: K;
  value: S;
  touchedAt: number;
  /** What stands for the key in the map: itself, or for a structured one an object per value. */
  readonly handle: unknown;
  /** Counts touches, so that the order of the last ones is known. */
  touch: number;
  /** Since the changes were last taken. */
  changed: boolean;
  removed: boolean;
}

/**
 * The state of one partition, by key, keys being equal by value. Iterates in the order in which keys came, or, when it is ordered by
 * touch, the longest untouched first. Remembers what changed since the last {@link takeChanges}: that, and no more, is written for a batch.
 */
export class KeyedState<K, S> {
  readonly orderedByTouch: boolean;
  readonly #entries = new Map<unknown, Held<K, S>>();
  /** Structured keys: their handles, by their text. */
  readonly #structured = new Map<string, object>();
  #changed: Held<K, S>[] = [];
  #removed = new Map<unknown, K>();
  #touches = 0;

  constructor(orderedByTouch = false) {
    this.orderedByTouch = orderedByTouch;
  }

  get size(): number {
    return this.#entries.size;
  }

  find(key: K): StateEntry<K, S> | undefined {
    return this.#entries.get(this.#handleOf(key));
  }

  put(key: K, value: S, time: number): void {
    const found = this.find(key);
    if (found !== undefined) {
      this.set(found, value, time);
      return;
    }
    const isPlain = typeof key !== "object" || key === null;
    const kept = isPlain ? (owned(key) as K) : key;
    const handle = isPlain ? kept : this.#newHandle(key);
    const entry = { key: kept, value, touchedAt: time, handle, touch: ++this.#touches, changed: true, removed: false };
    this.#entries.set(handle, entry);
    this.#changed.push(entry);
  }

  /** What {@link put} does, for an entry that was found. Also to be called when the value was changed in place: else the change is not kept. */
  set(found: StateEntry<K, S>, value: S, time: number): void {
    const entry = found as Held<K, S>;
    entry.value = value;
    entry.touchedAt = time;
    if (this.orderedByTouch) {
      entry.touch = ++this.#touches;
      this.#entries.delete(entry.handle);
      this.#entries.set(entry.handle, entry);
    }
    if (entry.changed) return;
    entry.changed = true;
    this.#changed.push(entry);
  }

  remove(key: K): void {
    const handle = this.#handleOf(key);
    const entry = this.#entries.get(handle);
    if (entry === undefined) return;
    entry.removed = true;
    this.#entries.delete(handle);
    this.#removed.set(handle, key);
    const text = canonicalKey(key);
    if (text !== undefined) this.#structured.delete(text);
  }

  /** Those that are there now, whatever is added or removed meanwhile. */
  entries(): readonly StateEntry<K, S>[] {
    return [...this.#entries.values()];
  }

  /** From the longest untouched on, when ordered by touch. What is visited may be removed. */
  oldestFirst(): IterableIterator<StateEntry<K, S>> {
    return this.#entries.values();
  }

  /**
   * What happened since the last call. A key that was removed and came again is in both: first the removals are applied, then the changes,
   * and the order of the keys is the same again.
   */
  takeChanges(): { readonly changed: readonly StateEntry<K, S>[]; readonly removed: readonly K[] } {
    const changed = this.#changed.filter(({ removed }) => !removed);
    for (const entry of changed) entry.changed = false;
    const removed = [...this.#removed.values()];
    this.#changed = [];
    this.#removed = new Map();
    if (this.orderedByTouch) changed.sort((a, b) => a.touch - b.touch);
    return { changed, removed };
  }

  #handleOf(key: K): unknown {
    if (typeof key !== "object" || key === null) return key;
    return this.#structured.get(canonicalKey(key) as string) ?? absent;
  }

  #newHandle(key: K): object {
    const handle = {};
    this.#structured.set(canonicalKey(key) as string, handle);
    return handle;
  }
}

const absent = Symbol("absent");
