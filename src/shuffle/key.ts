import { MillraceError } from "../model/errors.ts";
import { TextMap } from "./text-map.ts";

/** Keys are equal by value, and hash the same way on every executor and in every run. */

/** Undefined for a key that JavaScript itself compares by value; else a text that equal keys share. */
export function canonicalKey(key: unknown): string | undefined {
  return typeof key === "object" && key !== null ? describeKey(key) : undefined;
}

function describeKey(key: unknown): string {
  try {
    return describe(key);
  } catch (error) {
    // The stack ran out.
    if (error instanceof RangeError) throw notAKey("a value that contains itself, or is nested too deeply");
    throw error;
  }
}

function describe(value: unknown): string {
  switch (typeof value) {
    case "string":
      return JSON.stringify(value);
    case "number":
      return Object.is(value, -0) ? "0" : String(value);
    case "bigint":
      return `${value}n`;
    case "boolean":
    case "undefined":
      return String(value);
    case "object":
      return value === null ? "null" : describeObject(value);
    default:
      throw notAKey(`a ${typeof value}`);
  }
}

function describeObject(value: object): string {
  if (Array.isArray(value)) return `[${value.map(describe).join()}]`;
  if (value instanceof Date) return `Date(${value.getTime()})`;
  if (value instanceof Map)
    return `Map(${[...value]
      .map(([k, v]) => `${describe(k)}:${describe(v)}`)
      .sort()
      .join()})`;
  if (value instanceof Set) return `Set(${[...value].map(describe).sort().join()})`;
  if (value instanceof Uint8Array) return `Bytes(${Buffer.from(value).toString("base64")})`;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) {
    throw notAKey(`an instance of ${(prototype as { constructor?: { name?: string } }).constructor?.name}`);
  }
  const fields = value as Record<string, unknown>;
  return `{${Object.keys(fields)
    .sort()
    .map((name) => `${JSON.stringify(name)}:${describe(fields[name])}`)
    .join()}}`;
}

function notAKey(what: string): MillraceError {
  return new MillraceError("NOT_CLONEABLE", `A key is or holds ${what}, which has no value to compare or to send.`, {
    hint: "Use texts, numbers, bigints, booleans, null, dates, bytes, and plain arrays and objects of those as keys.",
  });
}

/** 32 bits, unsigned. FNV-1a over the characters, then mixed so that the low bits are usable. */
export function hashKey(key: unknown): number {
  if (typeof key === "string") return hashText(key, 0x811c9dc5);
  if (typeof key === "number" && (key | 0) === key) return mix(key | 0);
  return hashText(describeKey(key), 0x01000193);
}

function hashText(text: string, seed: number): number {
  let hash = seed;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return mix(hash);
}

/** The finalizer of MurmurHash3. */
function mix(hash: number): number {
  let h = hash;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

interface Entry<V> {
  readonly key: unknown;
  value: V;
}

/** A map by value. Iterates in the order of first insertion; an entry can be updated in place, which saves the second look-up. */
export class KeyMap<V> {
  readonly #texts = new TextMap<Entry<V>>();
  readonly #plain = new Map<unknown, Entry<V>>();
  readonly #structured = new Map<string, Entry<V>>();
  readonly entries: Entry<V>[] = [];

  /** The entry of `key`, to read and write; undefined when there is none. */
  find(key: unknown): Entry<V> | undefined {
    if (typeof key === "string") return this.#texts.get(key);
    if (typeof key !== "object" || key === null) return this.#plain.get(key);
    return this.#structured.get(describeKey(key));
  }

  /** Only for a key that is not there. */
  add(key: unknown, value: V): void {
    const entry = { key: owned(key), value };
    if (typeof entry.key === "string") this.#texts.set(entry.key, entry);
    else if (typeof key !== "object" || key === null) this.#plain.set(key, entry);
    else this.#structured.set(describeKey(key), entry);
    this.entries.push(entry);
  }

  get size(): number {
    return this.entries.length;
  }

  clear(): void {
    this.#texts.clear();
    this.#plain.clear();
    this.#structured.clear();
    this.entries.length = 0;
  }
}

/** V8 keeps a text of 13 or more characters that was cut from a longer one as a window into it, and so the longer one alive. */
const LONGEST_COPIED_SLICE = 12;

export function owned(key: unknown): unknown {
  return typeof key === "string" && key.length > LONGEST_COPIED_SLICE
    ? Buffer.from(key, "utf16le").toString("utf16le")
    : key;
}
