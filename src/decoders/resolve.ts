import { isAsyncFunction } from "node:util/types";
import type { ConsumerRecord } from "../model/consumer-record.ts";
import { MillraceError } from "../model/errors.ts";
import type {
  DecodeContext,
  DecodedField,
  DecodeFunction,
  Decoder,
  DecodeSource,
  PrepareChunk,
  ResolvedDecoder,
} from "./decoder.ts";

type DecodeAt<T> = ResolvedDecoder<T>["decodeAt"];

const fastPaths = new WeakMap<DecodeFunction<unknown>, Pick<ResolvedDecoder<unknown>, "decodeAt" | "isText">>();

/** Gives one of our own decoders a way to read straight from the fetched buffer. */
export function withFastPath<T>(decode: DecodeFunction<T>, decodeAt: DecodeAt<T>, isText = false): DecodeFunction<T> {
  fastPaths.set(decode, { decodeAt, isText });
  return decode;
}

type Prepare = (bytes: readonly (Uint8Array | null)[]) => void | Promise<void>;

const fastPrepares = new WeakMap<Prepare, PrepareChunk>();

/** The same for `prepare`: without a view of every value of a chunk. */
export function withFastPrepare(prepare: Prepare, prepareChunk: PrepareChunk): Prepare {
  fastPrepares.set(prepare, prepareChunk);
  return prepare;
}

/** @throws BAD_OPTION when it is neither a function nor a pair with `decode`, ASYNC_FUNCTION */
export function resolveDecoder<T>(decoder: Decoder<T>): ResolvedDecoder<T> {
  const { decode, prepare } = partsOf(decoder);
  const fast = fastPaths.get(decode) as Pick<ResolvedDecoder<T>, "decodeAt" | "isText"> | undefined;
  return {
    prepare: prepare && (fastPrepares.get(prepare) ?? prepareViews(prepare)),
    isText: fast?.isText ?? false,
    decodeAt:
      fast?.decodeAt ??
      ((source, start, end, index, field) => decode(viewOf(source, start, end), source.contextOf(index, field))),
  };
}

const prepareViews =
  (prepare: Prepare): PrepareChunk =>
  (chunk, field) =>
    prepare(Array.from({ length: chunk.length }, (_, index) => chunk.bytesAt(index, field)));

/** Both shapes of a {@link Decoder} as one. */
export function partsOf<T>(decoder: Decoder<T>): {
  decode: DecodeFunction<T>;
  prepare: Prepare | undefined;
} {
  if (typeof decoder === "function") return { decode: atOnce(decoder), prepare: undefined };
  if (typeof decoder !== "object" || decoder === null || typeof decoder.decode !== "function") {
    throw new MillraceError("BAD_OPTION", `A decoder is a function or { decode }, not ${describe(decoder)}.`, {
      hint: "Pass utf8, bytes, json(), or a function from bytes to your value.",
    });
  }
  // A bound copy of one of our own would not be known by its fast path.
  const decode = fastPaths.has(decoder.decode) ? decoder.decode : atOnce(decoder.decode).bind(decoder);
  const { prepare } = decoder;
  return { decode, prepare: prepare && (fastPrepares.has(prepare) ? prepare : prepare.bind(decoder)) };
}

const AWAIT_IN_PREPARE =
  "Await what it needs in `prepare`, which sees the bytes of many records at once: { prepare, decode }.";

/** Told here: where a promise is found in place of a value, it looks like the fault of whoever asked for it. */
function atOnce<T>(decode: DecodeFunction<T>): DecodeFunction<T> {
  if (!isAsyncFunction(decode)) return decode;
  throw new MillraceError(
    "ASYNC_FUNCTION",
    "A decoder cannot be an async function: a value is decoded when it is looked at.",
    { hint: AWAIT_IN_PREPARE },
  );
}

/** A view without a copy, or null. */
export function viewOf(source: DecodeSource, start: number, end: number): Uint8Array | null {
  const { buffer } = source;
  return start < 0 ? null : new Uint8Array(buffer.buffer, buffer.byteOffset + start, end - start);
}

/** Names the record whose bytes could not be decoded. */
export function decodeFailed(cause: unknown, context: DecodeContext): MillraceError {
  const { topic, partition, offset, field } = context;
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new MillraceError(
    "DECODE_FAILED",
    `The ${field} of the record at offset ${offset} of ${topic}-${partition} could not be decoded: ${reason}`,
    { hint: hintFor(field), at: { topic, partition, offset }, cause },
  );
}

/** The error of a decoder that gave a promise for this record. It is looked for only when one has done harm: a check of every value would cost too much. */
export function promisedIn(record: ConsumerRecord<unknown, unknown>): MillraceError | undefined {
  const field = (["key", "value"] as const).find((field) => isPromised(() => record[field]));
  if (field === undefined) return undefined;
  const { topic, partition, offset } = record;
  return new MillraceError(
    "DECODE_FAILED",
    `The ${field} of the record at offset ${offset} of ${topic}-${partition} was not decoded: ${field}Decoder returned a promise.`,
    { hint: `A decoder returns its value at once. ${AWAIT_IN_PREPARE}`, at: { topic, partition, offset } },
  );
}

function isPromised(decode: () => unknown): boolean {
  try {
    const value = decode();
    if (!(value instanceof Promise)) return false;
    // Nobody waits for it.
    value.catch(() => {});
    return true;
  } catch {
    return false;
  }
}

/** For decoders that have no value for null. */
export function refuseNull(): never {
  throw new TypeError("it is null; wrap the decoder in nullable() to let null through");
}

function hintFor(field: DecodedField): string {
  return `Check that ${field}Decoder fits what the topic holds; onDecodeError can leave such records out.`;
}

function describe(value: unknown): string {
  return value === null ? "null" : `a value of type ${typeof value}`;
}
