import type { DecodedField } from "../../decoders/decoder.ts";
import { MillraceError } from "../../model/errors.ts";
import type { RecordChunk, RecordDecoders } from "./record-chunk.ts";

/**
 * Lets decoders look at all bytes of a chunk before its records are handed on.
 * @throws DECODE_FAILED, or the MillraceError that prepare threw
 */
export async function prepareChunk<K, V>(chunk: RecordChunk<K, V>, decoders: RecordDecoders<K, V>): Promise<void> {
  await prepareField(chunk, "key", decoders.key.prepare);
  await prepareField(chunk, "value", decoders.value.prepare);
}

async function prepareField(
  chunk: RecordChunk<unknown, unknown>,
  field: DecodedField,
  prepare: RecordDecoders<unknown, unknown>[DecodedField]["prepare"],
): Promise<void> {
  if (prepare === undefined) return;
  try {
    await prepare(chunk, field);
  } catch (cause) {
    if (MillraceError.is(cause)) throw cause;
    const { topic, partition } = chunk;
    const offset = chunk.offsetAt(0);
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new MillraceError(
      "DECODE_FAILED",
      `Preparing to decode the ${field} of ${chunk.length} records from offset ${offset} of ${topic}-${partition} failed: ${reason}`,
      { hint: `See the cause: it comes from prepare of ${field}Decoder.`, at: { topic, partition, offset }, cause },
    );
  }
}
