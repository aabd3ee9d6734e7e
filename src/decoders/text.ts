import type { DecodeFunction, DecodeSource } from "./decoder.ts";
import { viewOf, withFastPath } from "./resolve.ts";

/** The default for keys and values: UTF-8 text, null stays null. */
export const utf8: DecodeFunction<string | null> = withFastPath(
  (bytes) => (bytes === null ? null : textOf(bytes)),
  (source, start, end) => (start < 0 ? null : textAt(source, start, end)),
  true,
);

/** The bytes as they are, a view without a copy. */
export const bytes: DecodeFunction<Uint8Array | null> = withFastPath((view) => view, viewOf);

export function textAt(source: DecodeSource, start: number, end: number): string {
  const text = source.asciiText();
  if (text === undefined) return source.buffer.utf8Slice(start, end);
  const { textStart } = source;
  return text.substring(start - textStart, end - textStart);
}

export function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString();
}
