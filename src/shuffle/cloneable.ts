import { ConsumerRecord, type PlainRecord, toPlain } from "../model/consumer-record.ts";
import { MillraceError } from "../model/errors.ts";

/**
 * What may cross from task to task: plain data, Date, RegExp, Map, Set, bigint, typed arrays, and ConsumerRecord. Anything else
 * would lose something on the way (a class instance its class, a function everything), so it is refused with its path.
 */

/** Stands for a ConsumerRecord on its way: fully decoded, free of the fetch buffer. */
const RECORD = "\u0000millrace.record";

/**
 * Returns `value` itself when it may cross as it is, or a copy with its records replaced.
 * @throws NOT_CLONEABLE with the path of what may not cross.
 */
export function crossing(value: unknown, path: string): unknown {
  try {
    return cross(value, path);
  } catch (error) {
    // The stack ran out.
    if (error instanceof RangeError) throw refused(path, "a value that contains itself, or is nested too deeply");
    throw error;
  }
}

function cross(value: unknown, path: string): unknown {
  switch (typeof value) {
    case "string":
    case "number":
    case "boolean":
    case "undefined":
    case "bigint":
      return value;
    case "function":
      throw refused(path, "a function");
    case "symbol":
      throw refused(path, "a symbol");
    default:
      return value === null ? null : crossingObject(value as object, path);
  }
}

function crossingObject(value: object, path: string): unknown {
  if (Array.isArray(value)) return crossingArray(value, path);
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === null)
    return crossingFields(value as Record<string, unknown>, path);
  if (value instanceof ConsumerRecord) return { [RECORD]: crossingFields({ ...toPlain(value) }, path) };
  if (prototype === Map.prototype) {
    return copyIfChanged(
      value,
      [...(value as Map<unknown, unknown>)],
      path,
      (entries) => new Map(entries as [unknown, unknown][]),
    );
  }
  if (prototype === Set.prototype)
    return copyIfChanged(value, [...(value as Set<unknown>)], path, (members) => new Set(members));
  if (prototype === Date.prototype || prototype === RegExp.prototype) return value;
  if (value instanceof ArrayBuffer) return value;
  if (ArrayBuffer.isView(value)) return ownBytes(value);
  throw refused(path, nameOfClass(prototype));
}

function crossingArray(values: readonly unknown[], path: string): unknown {
  let copy: unknown[] | undefined;
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (typeof value === "number" || typeof value === "string") continue;
    const crossed = cross(value, `${path}[${i}]`);
    if (crossed !== value) {
      copy ??= values.slice();
      copy[i] = crossed;
    }
  }
  return copy ?? values;
}

function crossingFields(fields: Record<string, unknown>, path: string): unknown {
  let copy: Record<string, unknown> | undefined;
  for (const name in fields) {
    const value = fields[name];
    if (typeof value === "number" || typeof value === "string") continue;
    const crossed = cross(value, `${path}.${name}`);
    if (crossed !== value) {
      copy ??= { ...fields };
      copy[name] = crossed;
    }
  }
  return copy ?? fields;
}

function copyIfChanged(
  original: object,
  members: readonly unknown[],
  path: string,
  build: (members: readonly unknown[]) => object,
): object {
  const crossed = crossingArray(members, path) as readonly unknown[];
  return crossed === members ? original : build(crossed);
}

/** A view of a large buffer would take the whole buffer along. */
function ownBytes(view: ArrayBufferView): ArrayBufferView {
  if (view.byteLength === view.buffer.byteLength && !Buffer.isBuffer(view)) return view;
  if (view instanceof Uint8Array) return Uint8Array.from(view);
  return structuredClone(view);
}

/**
 * For values that are kept and copied only when they must be: a Buffer arrives as a Uint8Array, and would change its class when it is least
 * expected. @throws NOT_CLONEABLE with its path
 */
export function refuseBuffers(value: unknown, path: string): void {
  if (typeof value !== "object" || value === null || value instanceof ConsumerRecord) return;
  if (Buffer.isBuffer(value)) {
    throw new MillraceError("NOT_CLONEABLE", `${path} is a Buffer, which would come back as a Uint8Array.`, {
      hint: "Keep Uint8Array.from(buffer), and make a Buffer of it where you need one.",
    });
  }
  if (ArrayBuffer.isView(value)) return;
  const members = value instanceof Map || value instanceof Set ? [...value] : value;
  for (const [name, member] of Object.entries(members)) {
    refuseBuffers(member, Array.isArray(members) ? `${path}[${name}]` : `${path}.${name}`);
  }
}

function refused(path: string, what: string): MillraceError {
  return new MillraceError("NOT_CLONEABLE", `${path} is ${what}, which cannot be sent from one task to another.`, {
    hint: "Only plain data may cross: objects and arrays of texts, numbers, booleans, null, bigint, Date, Map, Set and typed arrays. Map the value to plain data first.",
  });
}

function nameOfClass(prototype: unknown): string {
  const name = (prototype as { constructor?: { name?: string } } | null)?.constructor?.name;
  return name ? `an instance of ${name}` : "an object with a prototype of its own";
}

/** Undoes {@link crossing} after the copy: records are records again. */
export function arrived(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) value[i] = arrived(value[i]);
    return value;
  }
  if (RECORD in value) return ConsumerRecord.revive(arrived(value[RECORD]) as PlainRecord);
  if (value instanceof Map) return new Map(arrived([...value]) as [unknown, unknown][]);
  if (value instanceof Set) return new Set(arrived([...value]) as unknown[]);
  if (Object.getPrototypeOf(value) !== Object.prototype) return value;
  const fields = value as Record<string, unknown>;
  for (const name in fields) fields[name] = arrived(fields[name]);
  return value;
}
