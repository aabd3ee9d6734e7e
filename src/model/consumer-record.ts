import { type InspectOptions, inspect } from "node:util";
import type { Time } from "./duration.ts";

/** A header of a Kafka message. Keys may repeat. */
export interface Header {
  readonly key: string;
  readonly value: Uint8Array | null;
}

export type TimestampType = "CreateTime" | "LogAppendTime";

/** A record with everything decoded, as it crosses threads. */
export interface PlainRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly timestamp: Time;
  readonly timestampType: TimestampType;
  readonly headers: readonly Header[];
  readonly key: unknown;
  readonly value: unknown;
}

/** Many records, of which a {@link ConsumerRecord} is one. */
export interface RecordSource<out K, out V> {
  readonly topic: string;
  readonly partition: number;
  readonly timestampType: TimestampType;
  offsetAt(index: number): number;
  timestampAt(index: number): Time;
  headersAt(index: number): readonly Header[];
  /** @throws DECODE_FAILED */
  keyAt(index: number): K;
  /** @throws DECODE_FAILED */
  valueAt(index: number): V;
}

const UNDECODED = Symbol("undecoded");

/**
 * One Kafka message. `key` and `value` are decoded on first use. A class on purpose: TypeScript then knows that `{ ...record }` has
 * no key and no value. Crosses threads fully decoded and as the same class.
 */
export class ConsumerRecord<out K, out V> {
  readonly #source: RecordSource<K, V>;
  readonly #index: number;
  #key: K | typeof UNDECODED = UNDECODED;
  #value: V | typeof UNDECODED;

  private constructor(source: RecordSource<K, V>, index: number, value: V | typeof UNDECODED) {
    this.#source = source;
    this.#index = index;
    this.#value = value;
  }

  /** @internal */
  static at<K, V>(source: RecordSource<K, V>, index: number): ConsumerRecord<K, V> {
    return new ConsumerRecord<K, V>(source, index, UNDECODED);
  }

  /** With a value that need not be decoded. @internal */
  static of<K, V>(source: RecordSource<K, V>, index: number, value: V): ConsumerRecord<K, V> {
    return new ConsumerRecord(source, index, value);
  }

  /** The record that {@link toPlain} took apart. @internal */
  static revive(fields: PlainRecord): ConsumerRecord<unknown, unknown> {
    return new ConsumerRecord<unknown, unknown>(new SingleRecord(fields), 0, UNDECODED);
  }

  get topic(): string {
    return this.#source.topic;
  }

  get partition(): number {
    return this.#source.partition;
  }

  get offset(): number {
    return this.#source.offsetAt(this.#index);
  }

  get timestamp(): Time {
    return this.#source.timestampAt(this.#index);
  }

  get timestampType(): TimestampType {
    return this.#source.timestampType;
  }

  get headers(): readonly Header[] {
    return this.#source.headersAt(this.#index);
  }

  get key(): K {
    if (this.#key === UNDECODED) this.#key = this.#source.keyAt(this.#index);
    return this.#key;
  }

  get value(): V {
    if (this.#value === UNDECODED) this.#value = this.#source.valueAt(this.#index);
    return this.#value;
  }

  toJSON(): { topic: string; partition: number; offset: number; timestamp: Time; key: K; value: V } {
    const { topic, partition, offset, timestamp, key, value } = this;
    return { topic, partition, offset, timestamp, key, value };
  }

  /** For `console.log`, also of a record that cannot be decoded. */
  [inspect.custom](_depth: number, options: InspectOptions): string {
    const { topic, partition, offset, timestamp } = this;
    const [key, value] = [orError(() => this.key), orError(() => this.value)];
    return `ConsumerRecord ${inspect({ topic, partition, offset, timestamp, key, value }, options)}`;
  }
}

function orError(decode: () => unknown): unknown {
  try {
    return decode();
  } catch (error) {
    return error;
  }
}

/** Decodes everything. Bytes are still views of what was fetched: whoever sends them on copies them. */
export function toPlain(record: ConsumerRecord<unknown, unknown>): PlainRecord {
  const { topic, partition, offset, timestamp, timestampType, headers, key, value } = record;
  return { topic, partition, offset, timestamp, timestampType, headers, key, value };
}

class SingleRecord implements RecordSource<unknown, unknown> {
  readonly #fields: PlainRecord;

  constructor(fields: PlainRecord) {
    this.#fields = fields;
  }

  get topic(): string {
    return this.#fields.topic;
  }

  get partition(): number {
    return this.#fields.partition;
  }

  get timestampType(): TimestampType {
    return this.#fields.timestampType;
  }

  offsetAt(): number {
    return this.#fields.offset;
  }

  timestampAt(): Time {
    return this.#fields.timestamp;
  }

  headersAt(): readonly Header[] {
    return this.#fields.headers;
  }

  keyAt(): unknown {
    return this.#fields.key;
  }

  valueAt(): unknown {
    return this.#fields.value;
  }
}
