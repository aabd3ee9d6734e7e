import type { Header } from "../../model/consumer-record.ts";
import { VarintReader } from "./varint.ts";

/**
 * Moves behind the headers of a record. Gives how many bytes of their lengths are above 127; a position behind `end` or a negative
 * count tells that they make no sense.
 */
export function skipHeaders(varints: VarintReader, count: number, end: number): number {
  let framing = 0;
  let left = count;
  for (; left > 0 && varints.position < end; left--) {
    for (let field = 0; field < 2; field++) {
      const start = varints.position;
      const length = varints.int();
      framing += varints.position - start - 1;
      if (length > 0) varints.position += length;
    }
  }
  if (left !== 0) varints.position = end + 1;
  return framing;
}

/** The headers that start at `position`, which {@link skipHeaders} has walked before. */
export function readHeaders(buffer: Buffer, position: number): Header[] {
  const varints = new VarintReader(buffer, position);
  return Array.from({ length: varints.int() }, () => {
    const key = readField(varints, buffer);
    return { key: key === null ? "" : key.toString(), value: readField(varints, buffer) };
  });
}

function readField(varints: VarintReader, buffer: Buffer): Buffer | null {
  const length = varints.int();
  if (length < 0) return null;
  const start = varints.position;
  varints.position += length;
  return buffer.subarray(start, start + length);
}
