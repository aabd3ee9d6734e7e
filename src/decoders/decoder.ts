import type { Header } from "../model/consumer-record.ts";
import type { TopicPartition } from "../model/offset-range.ts";

/** Which bytes a decoder looks at. */
export interface DecodeContext extends TopicPartition {
  readonly offset: number;
  readonly field: DecodedField;
  readonly headers: readonly Header[];
}

export type DecodedField = "key" | "value";

/**
 * Null is what Kafka calls a null key or a tombstone. Throwing fails the task and names the record. The bytes are a view of what
 * was fetched: copy what you keep.
 * @runs executor
 */
export type DecodeFunction<T> = (bytes: Uint8Array | null, context: DecodeContext) => T;

/**
 * A plain function, or a pair when something must be awaited first: `prepare` sees a chunk's bytes before any of its records is
 * handed on (a schema registry fetches unknown ids there), `decode` itself stays synchronous.
 */
export type Decoder<T> =
  | DecodeFunction<T>
  | {
      prepare?(bytes: readonly (Uint8Array | null)[]): void | Promise<void>;
      decode: DecodeFunction<T>;
    };

/** Node's own slicing methods skip the choice of an encoding that `toString` makes for each call; its types leave them out. */
export interface SliceableBuffer extends Buffer {
  utf8Slice(start: number, end: number): string;
  latin1Slice(start: number, end: number): string;
}

/** Where decoders read: many records over one buffer. */
export interface DecodeSource {
  readonly buffer: SliceableBuffer;
  /**
   * The text of `buffer` from {@link textStart} on, one character a byte, when all keys and values are ASCII. A substring of it is
   * much cheaper than decoding bytes, but keeps the whole text alive.
   */
  asciiText(): string | undefined;
  /** The same whatever the bytes are; undefined when there are too many of them. A piece that is not ASCII has to be decoded. */
  latin1Text(): string | undefined;
  readonly textStart: number;
  contextOf(index: number, field: DecodedField): DecodeContext;
}

/** The records of a chunk, before any of them is handed on. */
export interface ChunkBytes {
  readonly length: number;
  readonly buffer: Buffer;
  /** Where a key or value begins in the buffer; below zero for Kafka's null. */
  startAt(index: number, field: DecodedField): number;
  endAt(index: number, field: DecodedField): number;
  bytesAt(index: number, field: DecodedField): Uint8Array | null;
}

/**
 * A decoder as the reader calls it, without a view and without a context per record: `start` below zero is Kafka's null.
 */
export interface ResolvedDecoder<out T> {
  decodeAt(source: DecodeSource, start: number, end: number, index: number, field: DecodedField): T;
  readonly prepare: PrepareChunk | undefined;
  /** Whether that of ASCII bytes is the same piece of {@link DecodeSource.asciiText}. */
  readonly isText: boolean;
}

export type PrepareChunk = (chunk: ChunkBytes, field: DecodedField) => void | Promise<void>;
