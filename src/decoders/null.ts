import type { DecodeFunction, Decoder } from "./decoder.ts";
import { partsOf, resolveDecoder, withFastPath } from "./resolve.ts";

/** Lets null through a decoder that refuses it (compacted topics). */
export function nullable<T>(decoder: Decoder<T>): Decoder<T | null> {
  const { decode, prepare } = partsOf(decoder);
  const { decodeAt, isText } = resolveDecoder(decode);
  return pair(
    prepare,
    withFastPath<T | null>(
      (bytes, context) => (bytes === null ? null : decode(bytes, context)),
      (source, start, end, index, field) => (start < 0 ? null : decodeAt(source, start, end, index, field)),
      isText,
    ),
  );
}

/** Refuses null: `required(utf8)` gives `string`. */
export function required<T>(decoder: Decoder<T>): Decoder<NonNullable<T>> {
  const { decode, prepare } = partsOf(decoder);
  const { decodeAt, isText } = resolveDecoder(decode);
  return pair(
    prepare,
    withFastPath<NonNullable<T>>(
      (bytes, context) => refuseNull(decode(bytes, context)),
      (source, start, end, index, field) => refuseNull(decodeAt(source, start, end, index, field)),
      isText,
    ),
  );
}

function pair<T>(prepare: ReturnType<typeof partsOf>["prepare"], decode: DecodeFunction<T>): Decoder<T> {
  return prepare === undefined ? decode : { prepare, decode };
}

function refuseNull<T>(value: T): NonNullable<T> {
  if (value === null || value === undefined) throw new TypeError("it is null, and required() refuses null");
  return value;
}
