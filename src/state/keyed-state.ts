import { canonicalKey, owned } from "../shuffle/key.ts";

export interface StateEntry<K, S> {
  readonly key: K;
  value: S;
  /** The batch time at which the key was last touched. */
  touchedAt: number;
}

/**
 * The state of one partition, by key, keys being equal by value. Iterates in the order in which keys came, or, when it is ordered by
 * touch, the longest untouched first. Remembers what changed since the last {@link takeChanges}: that, and no more, is written for a batch.
 */
export class KeyedState<K, S> {
  readonly orderedByTouch: boolean;
  readonly #entries = new Map<unknown, StateEntry<K, S>>();
  /** Structured keys: what stands for them in the maps, by their text. */
  readonly #structured = new Map<string, object>();
  #changed = new Map<unknown, StateEntry<K, S>>();
  #removed = new Map<unknown, K>();

  constructor(orderedByTouch = false) {
    this.orderedByTouch = orderedByTouch;
  }

  get size(): number {
    return this.#entries.size;
  }

  find(key: K): StateEntry<K, S> | undefined {
    return this.#entries.get(this.#handleOf(key));
  }

  /** Sets what belongs to a key. Also to be called when the value was changed in place: only then the change is kept. */
  put(key: K, value: S, time: number): void {
    let handle = this.#handleOf(key);
    if (handle === absent) handle = this.#newHandle(key);
    let entry = this.#entries.get(handle);
    if (entry === undefined) {
      const plain = typeof handle !== "object" || handle === null;
      entry = { key: plain ? (owned(key) as K) : key, value, touchedAt: time };
      this.#entries.set(plain ? entry.key : handle, entry);
    } else {
      entry.value = value;
      entry.touchedAt = time;
      if (this.orderedByTouch) {
        this.#entries.delete(handle);
        this.#entries.set(handle, entry);
        this.#changed.delete(handle);
      }
    }
    this.#changed.set(handle, entry);
  }

  remove(key: K): void {
    const handle = this.#handleOf(key);
    if (!this.#entries.delete(handle)) return;
    this.#changed.delete(handle);
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
    const changes = { changed: [...this.#changed.values()], removed: [...this.#removed.values()] };
    this.#changed = new Map();
    this.#removed = new Map();
    return changes;
  }

  /** What stands for a key in the maps: itself, or for a structured one an object per value. */
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
