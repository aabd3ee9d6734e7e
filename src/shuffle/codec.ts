import { deserialize, serialize } from "node:v8";
import { arrived, crossing } from "./cloneable.ts";

/** How values travel between tasks: one call of the structured clone codec for many values, pairs as two columns. */

type Encoded = readonly [layout: "values" | "pairs", holdsRecords: boolean, ...columns: unknown[][]];

/** @throws NOT_CLONEABLE with the path of a value that may not cross. */
export function encodeValues(values: readonly unknown[], name: string): Buffer {
  const keys: unknown[] = [];
  const seconds: unknown[] = [];
  for (const value of values) {
    if (!Array.isArray(value) || value.length !== 2) return encode("values", name, [values as unknown[]]);
    keys.push(value[0]);
    seconds.push(value[1]);
  }
  return values.length === 0 ? encode("values", name, [[]]) : encode("pairs", name, [keys, seconds]);
}

/** Pairs that were never put together. `onReplaced` is called with a column of which something crosses as something else. */
export function encodeColumns(keys: unknown[], values: unknown[], name: string, onReplaced?: OnReplaced): Buffer {
  return encode("pairs", name, [keys, values], onReplaced);
}

type OnReplaced = (column: unknown[], path: string) => void;

function encode(layout: Encoded[0], name: string, columns: unknown[][], onReplaced?: OnReplaced): Buffer {
  let changed = false;
  const crossed = columns.map((column, c) => {
    const path = layout === "pairs" ? `${name} ${c === 0 ? "key" : "value"}` : `${name} value`;
    const result = crossing(column, path);
    if (result === column) return result;
    changed = true;
    onReplaced?.(column, path);
    return result;
  });
  return serialize([layout, changed, ...crossed]);
}

export function decodeValues(bytes: Uint8Array): unknown[] {
  const { layout, columns } = decode(bytes);
  if (layout === "values") return columns[0] as unknown[];
  const [keys, values] = columns as [unknown[], unknown[]];
  return keys.map((key, i) => [key, values[i]]);
}

/** @returns keys and values of a segment that holds pairs. */
export function decodeColumns(bytes: Uint8Array): { keys: unknown[]; values: unknown[] } {
  const { layout, columns } = decode(bytes);
  if (layout === "pairs") return { keys: columns[0] as unknown[], values: columns[1] as unknown[] };
  const pairs = columns[0] as [unknown, unknown][];
  return { keys: pairs.map(([key]) => key), values: pairs.map(([, value]) => value) };
}

function decode(bytes: Uint8Array): { layout: Encoded[0]; columns: unknown[][] } {
  const [layout, holdsRecords, ...columns] = deserialize(bytes) as Encoded;
  return { layout, columns: holdsRecords ? (arrived(columns) as unknown[][]) : columns };
}
