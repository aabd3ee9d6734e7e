export type {
  DecodeContext,
  DecodedField,
  DecodeFunction,
  Decoder,
  DecodeSource,
  ResolvedDecoder,
  SliceableBuffer,
} from "./decoder.ts";
export { json } from "./json.ts";
export { nullable, required } from "./null.ts";
export { decodeFailed, refuseNull, resolveDecoder, withFastPath } from "./resolve.ts";
export type { StandardSchemaV1 } from "./standard-schema.ts";
export { bytes, utf8 } from "./text.ts";
