import type { DecodeContext, DecodedField } from "../../decoders/decoder.ts";
import { promisedIn } from "../../decoders/resolve.ts";
import type { ConsumerRecord, Header } from "../../model/consumer-record.ts";
import { messageOf } from "../../model/error-transfer.ts";
import { MillraceError } from "../../model/errors.ts";
import type { Chunk } from "../../operators/receiver.ts";
import type { RecordChunk } from "./record-chunk.ts";

/** A record that could not be decoded, with nothing in it that the engine still uses: keep it, send it on. */
export interface DecodeFailure {
  /** Names the record; what the decoder threw is its cause. */
  readonly error: MillraceError;
  /** Which record, and whether its key or its value. */
  readonly context: DecodeContext;
  /** The key or value as it came. */
  readonly bytes: Uint8Array | null;
}

/** Told of each record that is left out, once. It may be async; when it throws, the task fails. @runs executor */
export type DecodeErrorHandler = (failure: DecodeFailure) => void | Promise<void>;

/** What happens to records that cannot be decoded. */
export type OnDecodeError = "fail" | "skip" | DecodeErrorHandler;

/** The records that can be decoded, each decoded at once: which of the others would be noticed is not left to who looks at them. */
export async function* decodable<K, V>(
  chunks: AsyncIterable<RecordChunk<K, V>>,
  policy: "skip" | DecodeErrorHandler,
  onSkipped: (error: MillraceError) => void,
): AsyncGenerator<Chunk<ConsumerRecord<K, V>>, void, void> {
  for await (const chunk of chunks) {
    const records: ConsumerRecord<K, V>[] = [];
    for (let index = 0; index < chunk.length; index++) {
      const record = chunk.at(index);
      // Both are kept by the record.
      const undecodable = failureOf("key", () => record.key) ?? failureOf("value", () => record.value);
      if (undecodable === undefined) {
        records.push(record);
      } else {
        if (policy !== "skip") await tell(policy, undecodable, chunk, index);
        onSkipped(undecodable.error);
      }
    }
    yield new DecodedRecords(records);
  }
}

interface Undecodable {
  readonly field: DecodedField;
  readonly error: MillraceError;
}

function failureOf(field: DecodedField, decode: () => unknown): Undecodable | undefined {
  try {
    decode();
    return undefined;
  } catch (error) {
    if (MillraceError.is(error, "DECODE_FAILED")) return { field, error };
    throw error;
  }
}

async function tell(
  handler: DecodeErrorHandler,
  { field, error }: Undecodable,
  chunk: RecordChunk<unknown, unknown>,
  index: number,
): Promise<void> {
  const { topic, partition } = chunk;
  const offset = chunk.offsetAt(index);
  const headers = chunk.headersAt(index).map(({ key, value }): Header => ({ key, value: copyOf(value) }));
  const bytes = copyOf(chunk.bytesAt(index, field));
  try {
    await handler({ error, context: { topic, partition, offset, field, headers }, bytes });
  } catch (thrown) {
    if (MillraceError.is(thrown)) throw thrown;
    throw new MillraceError(
      "TASK_FAILED",
      `onDecodeError failed at ${topic}-${partition} offset ${offset}: ${messageOf(thrown)}`,
      {
        hint: "The handler threw; its own error is the cause. Let it return when the record may be left out.",
        at: { topic, partition, offset },
        cause: thrown,
      },
    );
  }
}

const copyOf = (bytes: Uint8Array | null) => bytes && Uint8Array.from(bytes);

class DecodedRecords<K, V> implements Chunk<ConsumerRecord<K, V>> {
  readonly #records: readonly ConsumerRecord<K, V>[];
  #position = 0;

  constructor(records: readonly ConsumerRecord<K, V>[]) {
    this.#records = records;
  }

  get length(): number {
    return this.#records.length;
  }

  at(index: number): ConsumerRecord<K, V> {
    this.#position = index;
    return this.#records[index]!;
  }

  place(): { topic: string; partition: number; offset: number } {
    const { topic, partition, offset } = this.#records[this.#position]!;
    return { topic, partition, offset };
  }

  promised(): MillraceError | undefined {
    return promisedIn(this.#records[this.#position]!);
  }
}
