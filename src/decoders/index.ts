export type {
  ChunkBytes,
  DecodeContext,
  DecodedField,
  DecodeFunction,
  Decoder,
  DecodeSource,
  PrepareChunk,
  ResolvedDecoder,
  SliceableBuffer,
} from "./decoder.ts";
export { json } from "./json/json.ts";
export { nullable, required } from "./null.ts";
export { decodeFailed, promisedIn, refuseNull, resolveDecoder, withFastPath, withFastPrepare } from "./resolve.ts";
export type { StandardSchemaV1 } from "./standard-schema.ts";
export { bytes, utf8 } from "./text.ts";
