import type { AvroType } from "./avsc.ts";

/**
 * Bytes that are not what the schema says may claim an array of a billion items, and avsc would make it before it notices. So where a schema
 * has arrays or maps, their counts are checked against the bytes that are there, before anything is made.
 */

interface Cursor {
  readonly buffer: Buffer;
  position: number;
  readonly end: number;
}

type Skip = (cursor: Cursor) => void;

/** Items that take no bytes (nulls, empty records) are no more than this. */
const EMPTY_ITEMS_MAX = 1_000_000;

export type CheckBounds = (buffer: Buffer, start: number, end: number) => void;

/** @returns undefined when values of this type cannot claim more than they have. */
export function boundsOf(type: AvroType): CheckBounds | undefined {
  const known = new Map<AvroType, { skip: Skip }>();
  const skip = skipOf(type, known);
  if (![...known.keys()].some(({ typeName }) => typeName === "array" || typeName === "map")) return undefined;
  return (buffer, start, end) => skip({ buffer, position: start, end });
}

function skipOf(type: AvroType, known: Map<AvroType, { skip: Skip }>): Skip {
  const before = known.get(type);
  // A type that contains itself is still being made.
  if (before !== undefined) return (cursor) => before.skip(cursor);
  const entry = { skip: (_: Cursor) => {} };
  known.set(type, entry);
  entry.skip = makeSkip(type, (part) => skipOf(part, known));
  return entry.skip;
}

function makeSkip(type: AvroType, of: (part: AvroType) => Skip): Skip {
  const { itemsType, valuesType, types, fields, underlyingType } = type;
  if (itemsType) return skipBlocks(of(itemsType));
  if (valuesType) {
    const value = of(valuesType);
    return skipBlocks((cursor) => {
      skipBytes(cursor);
      value(cursor);
    });
  }
  if (types) {
    const branches = types.map(of);
    return (cursor) => branches[readLong(cursor)]?.(cursor);
  }
  if (fields) {
    const skips = fields.map((field) => of(field.type));
    return (cursor) => {
      for (const skip of skips) skip(cursor);
    };
  }
  return underlyingType ? of(underlyingType) : skipPrimitive(type);
}

function skipPrimitive({ typeName, size = 0 }: AvroType): Skip {
  switch (typeName) {
    case "null":
      return () => {};
    case "string":
    case "bytes":
      return skipBytes;
    case "boolean":
      return (cursor) => advance(cursor, 1);
    case "float":
      return (cursor) => advance(cursor, 4);
    case "double":
      return (cursor) => advance(cursor, 8);
    case "fixed":
      return (cursor) => advance(cursor, size);
    default:
      return readLong;
  }
}

const skipBlocks =
  (skipItem: Skip): Skip =>
  (cursor) => {
    for (let count = readLong(cursor); count !== 0; count = readLong(cursor)) {
      // A count below zero is followed by the size of the block.
      if (count < 0) readLong(cursor);
      const items = Math.abs(count);
      const before = cursor.position;
      for (let i = 0; i < items; i++) {
        skipItem(cursor);
        if (cursor.position === before && items > EMPTY_ITEMS_MAX) throw tooMuch();
      }
    }
  };

function skipBytes(cursor: Cursor): void {
  const length = readLong(cursor);
  if (length < 0) throw tooMuch();
  advance(cursor, length);
}

function advance(cursor: Cursor, bytes: number): void {
  cursor.position += bytes;
  if (cursor.position > cursor.end) throw tooMuch();
}

function readLong(cursor: Cursor): number {
  const { buffer } = cursor;
  let zigzag = 0;
  for (let factor = 1; ; factor *= 128) {
    advance(cursor, 1);
    const byte = buffer[cursor.position - 1]!;
    zigzag += (byte & 0x7f) * factor;
    if (byte < 0x80) return zigzag % 2 === 0 ? zigzag / 2 : -(zigzag + 1) / 2;
  }
}

const tooMuch = () => new TypeError("by this schema it claims more than its bytes hold");
