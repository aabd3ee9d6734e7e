import { type DecodeFunction, refuseNull, withFastPath } from "../decoders/index.ts";
import { messageOf } from "../model/error-transfer.ts";
import { MillraceError } from "../model/errors.ts";
import { checkedLater, checkOptions, isOneOf } from "../model/options.ts";
import { type AvroSchema, compileSchema, type SchemaOptions } from "./schema.ts";
import { ValueReader, ValueWriter } from "./values.ts";

export interface AvroOptions extends SchemaOptions {
  /** What the bytes were written with. */
  readonly schema: AvroSchema;
  /** Your schema, when it differs from the writer's: fields it does not have are skipped, fields that were not written get their default. */
  readonly reader?: AvroSchema | undefined;
}

/**
 * Avro's binary encoding, without a header: the schema is known, and the same for the whole topic. Read straight from what was fetched;
 * what it gives is plain data of its own. The type is your promise. A null value is an error that names the offset; see `nullable`.
 * A value of a union whose branches cannot be told apart by their JavaScript types (two records, int and long) comes as
 * `{ "branch.Name": value }`. Logical types come as what they are stored as. Needs the package `avsc`.
 * @throws BAD_OPTION for what is no schema, or when `reader` cannot read `schema`
 */
export function avro<T>(options: AvroOptions): DecodeFunction<T> {
  checkOptions("avro", options, { schema: checkedLater, reader: checkedLater, long: isLong });
  const values = readerOf(options);
  const read = (buffer: Buffer, start: number, end: number) => values.read(buffer, start, end) as T;
  return withFastPath<T>(
    (bytes) => (bytes === null ? refuseNull() : read(bufferOf(bytes), 0, bytes.length)),
    ({ buffer }, start, end) => (start < 0 ? refuseNull() : read(buffer, start, end)),
  );
}

/**
 * The opposite of {@link avro}, for the sink: `kafka({ value: avroEncoder<View>({ schema }), ... })`.
 * @throws BAD_OPTION for what is no schema
 */
export function avroEncoder<T>(options: Omit<AvroOptions, "reader">): (value: T) => Uint8Array {
  checkOptions("avroEncoder", options, { schema: checkedLater, long: isLong });
  const values = new ValueWriter(compileSchema(needed("avroEncoder", options.schema), options));
  return (value) => values.write(value);
}

export const isLong = isOneOf("number", "bigint");

function readerOf({ schema, reader, ...options }: AvroOptions): ValueReader {
  const writer = compileSchema(needed("avro", schema), options);
  if (reader === undefined) return new ValueReader(writer);
  const own = compileSchema(reader, options);
  try {
    return new ValueReader(writer, own);
  } catch (error) {
    throw new MillraceError("BAD_OPTION", `avro: "reader" does not fit "schema": ${messageOf(error)}`, {
      hint: "A field that the writer does not have needs a default; names of records must be equal, or be aliases.",
      cause: error,
    });
  }
}

export function needed(owner: string, schema: AvroSchema | undefined): AvroSchema {
  if (schema !== undefined) return schema;
  throw new MillraceError("BAD_OPTION", `${owner} needs "schema".`, {
    hint: `${owner}({ schema: { type: "record", name: "View", fields: [...] } })`,
  });
}

export function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
