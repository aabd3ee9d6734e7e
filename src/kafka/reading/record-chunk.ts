import type {
  ChunkBytes,
  DecodeContext,
  DecodedField,
  DecodeSource,
  ResolvedDecoder,
  SliceableBuffer,
} from "../../decoders/decoder.ts";
import { decodeFailed, promisedIn } from "../../decoders/resolve.ts";
import { ConsumerRecord, type Header, type RecordSource, type TimestampType } from "../../model/consumer-record.ts";
import type { Time } from "../../model/duration.ts";
import type { MillraceError } from "../../model/errors.ts";
import type { TopicPartition } from "../../model/offset-range.ts";
import type { Chunk } from "../../operators/receiver.ts";
import type { RecordColumns } from "./record-columns.ts";
import { readHeaders } from "./record-headers.ts";

/** How the keys and values of a stream are decoded. */
export interface RecordDecoders<out K, out V> {
  readonly key: ResolvedDecoder<K>;
  readonly value: ResolvedDecoder<V>;
  /** Whether values that are pieces of the text are taken from it before anybody asks for them. */
  readonly takesTexts?: boolean | undefined;
}

/** Beyond this V8 makes a string a large object, and decoding record by record is faster. */
const LONGEST_TEXT = 120 * 1024;

/** Where a text is written as UTF-8, which tells its length in half the time that asking for it takes. Nobody reads it. */
const written = Buffer.allocUnsafeSlow(2 * LONGEST_TEXT);

/** Some records in a row, still as bytes in one buffer. Keeps that buffer alive, and is never overwritten. */
export class RecordChunk<out K, out V>
  implements Chunk<ConsumerRecord<K, V>>, RecordSource<K, V>, DecodeSource, ChunkBytes
{
  readonly topic: string;
  readonly partition: number;
  readonly timestampType: TimestampType;
  readonly length: number;
  readonly buffer: SliceableBuffer;
  readonly #columns: RecordColumns;
  readonly #decoders: RecordDecoders<K, V>;
  readonly #textOfValues: string | undefined;
  #position = 0;
  /** Null until somebody asks. */
  #text: string | undefined | null = null;
  #asciiText: string | undefined | null = null;

  constructor(
    { topic, partition }: TopicPartition,
    timestampType: TimestampType,
    buffer: SliceableBuffer,
    columns: RecordColumns,
    decoders: RecordDecoders<K, V>,
  ) {
    this.topic = topic;
    this.partition = partition;
    this.timestampType = timestampType;
    this.length = columns.length;
    this.buffer = buffer;
    this.#columns = columns;
    this.#decoders = decoders;
    this.#textOfValues = decoders.takesTexts ? this.asciiText() : undefined;
  }

  /** The record that was taken last. */
  place(): { topic: string; partition: number; offset: number } {
    return { topic: this.topic, partition: this.partition, offset: this.offsetAt(this.#position) };
  }

  /** Decodes that record again. */
  promised(): MillraceError | undefined {
    return promisedIn(this.at(this.#position));
  }

  at(index: number): ConsumerRecord<K, V> {
    this.#position = index;
    const text = this.#textOfValues;
    const start = this.#columns.valueStart(index);
    if (text === undefined || start < 0) return ConsumerRecord.at(this, index);
    // Taken at once: where a function only looks at the value, V8 sees that nothing is left to decode, and makes no record at all.
    const { textStart } = this;
    return ConsumerRecord.of(
      this,
      index,
      text.substring(start - textStart, this.#columns.valueEnd(index) - textStart) as V,
    );
  }

  offsetAt(index: number): number {
    return this.#columns.offset(index);
  }

  timestampAt(index: number): Time {
    return this.#columns.timestamp(index);
  }

  headersAt(index: number): readonly Header[] {
    return readHeaders(this.buffer, this.#columns.valueEnd(index));
  }

  keyAt(index: number): K {
    const field = this.#columns.keyField(index);
    const length = field.int();
    const start = field.position;
    try {
      return this.#decoders.key.decodeAt(this, length < 0 ? -1 : start, Math.max(start, start + length), index, "key");
    } catch (error) {
      throw this.#undecodable(error, index, "key");
    }
  }

  valueAt(index: number): V {
    const columns = this.#columns;
    try {
      return this.#decoders.value.decodeAt(this, columns.valueStart(index), columns.valueEnd(index), index, "value");
    } catch (error) {
      throw this.#undecodable(error, index, "value");
    }
  }

  #undecodable(error: unknown, index: number, field: DecodedField): MillraceError {
    return decodeFailed(error, this.contextOf(index, field));
  }

  startAt(index: number, field: DecodedField): number {
    if (field === "value") return this.#columns.valueStart(index);
    const key = this.#columns.keyField(index);
    return key.int() < 0 ? -1 : key.position;
  }

  endAt(index: number, field: DecodedField): number {
    if (field === "value") return this.#columns.valueEnd(index);
    const key = this.#columns.keyField(index);
    return Math.max(0, key.int()) + key.position;
  }

  /** The raw key or value of a record. */
  bytesAt(index: number, field: DecodedField): Uint8Array | null {
    const start = this.startAt(index, field);
    return start < 0 ? null : this.buffer.subarray(start, this.endAt(index, field));
  }

  contextOf(index: number, field: DecodedField): DecodeContext {
    return new ChunkContext(this, index, field);
  }

  get textStart(): number {
    return this.#columns.start;
  }

  latin1Text(): string | undefined {
    if (this.#text === null) {
      const { start, end } = this.#columns;
      this.#text = end - start > LONGEST_TEXT ? undefined : this.buffer.latin1Slice(start, end);
    }
    return this.#text;
  }

  asciiText(): string | undefined {
    const text = this.#asciiText;
    return text === null ? this.#findAsciiText() : text;
  }

  /**
   * In UTF-8 every latin1 character above 127 takes one byte more. If the framing accounts for all of these, keys and values have
   * none, and each is a plain piece of the text.
   */
  #findAsciiText(): string | undefined {
    const text = this.latin1Text();
    const isAscii = text !== undefined && written.write(text) - text.length === this.#columns.framingBytesAbove127;
    this.#asciiText = isAscii ? text : undefined;
    return this.#asciiText;
  }
}

/** A context that costs next to nothing until a decoder looks at it. */
class ChunkContext implements DecodeContext {
  readonly #chunk: RecordChunk<unknown, unknown>;
  readonly #index: number;
  readonly field: DecodedField;

  constructor(chunk: RecordChunk<unknown, unknown>, index: number, field: DecodedField) {
    this.#chunk = chunk;
    this.#index = index;
    this.field = field;
  }

  get topic(): string {
    return this.#chunk.topic;
  }

  get partition(): number {
    return this.#chunk.partition;
  }

  get offset(): number {
    return this.#chunk.offsetAt(this.#index);
  }

  get headers(): readonly Header[] {
    return this.#chunk.headersAt(this.#index);
  }
}
