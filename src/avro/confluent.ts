import { type Decoder, refuseNull, withFastPath, withFastPrepare } from "../decoders/index.ts";
import type { EncodeFunction, EncodePlace, Encoder } from "../model/encoder.ts";
import { MillraceError } from "../model/errors.ts";
import { checkedLater, checkOptions, isBoolean, isText } from "../model/options.ts";
import { bufferOf, isLong, needed } from "./avro.ts";
import { Registry, RegistryAnswer } from "./registry.ts";
import { REGISTRY_CHECKS, type RegistryOptions } from "./registry-address.ts";
import { type AvroSchema, compileSchema, type SchemaOptions, textOf } from "./schema.ts";
import { type ValueReader, ValueWriter } from "./values.ts";
import { WriterSchemas } from "./writer-schemas.ts";

/** Confluent's wire format: a zero byte, the id of the writer's schema in four bytes, and Avro's binary encoding. */

const MAGIC = 0;
const HEADER_BYTES = 5;

export interface ConfluentAvroOptions extends RegistryOptions, SchemaOptions {
  /** Your schema. @default for each record that of its writer */
  readonly reader?: AvroSchema | undefined;
}

/**
 * Records written by Confluent's Avro serializers, by any number of schemas in one topic. A schema is fetched when its id first turns up,
 * once per executor and stream, before any record of that chunk is handed on. A record whose id the registry does not know, or whose
 * schema `reader` cannot read, fails with DECODE_FAILED; a registry that cannot be reached fails the task. The rest is as in `avro`.
 * @throws BAD_OPTION
 */
export function confluentAvro<T>(options: ConfluentAvroOptions): Decoder<T> {
  checkOptions("confluentAvro", options, { ...REGISTRY_CHECKS, reader: checkedLater, long: isLong });
  const own = options.reader === undefined ? undefined : compileSchema(options.reader, options);
  const schemas = new WriterSchemas(new Registry("confluentAvro", options), own, options);
  let lastId = -1;
  let lastReader: ValueReader | undefined;

  function read(buffer: Buffer, start: number, end: number): T {
    const id = schemaIdAt(buffer, start, end);
    // Most records are written by the schema of the record before.
    if (id !== lastId || lastReader === undefined) {
      lastReader = schemas.readerOf(id);
      lastId = id;
    }
    return lastReader.read(buffer, start + HEADER_BYTES, end) as T;
  }

  const decode = withFastPath<T>(
    (bytes) => (bytes === null ? refuseNull() : read(bufferOf(bytes), 0, bytes.length)),
    ({ buffer }, start, end) => (start < 0 ? refuseNull() : read(buffer, start, end)),
  );
  const noteUnknown = (buffer: Buffer, start: number, end: number, ids: Set<number>) => {
    if (!hasSchemaId(buffer, start, end)) return;
    const id = buffer.readInt32BE(start + 1);
    if (!schemas.isKnown(id)) ids.add(id);
  };
  const fetchAll = async (ids: Set<number>) => void (await Promise.all(Array.from(ids, (id) => schemas.fetch(id))));
  const prepare = withFastPrepare(
    (all) => {
      const ids = new Set<number>();
      for (const bytes of all) if (bytes !== null) noteUnknown(bufferOf(bytes), 0, bytes.length, ids);
      return fetchAll(ids);
    },
    (chunk, field) => {
      const ids = new Set<number>();
      for (let i = 0; i < chunk.length; i++) {
        const start = chunk.startAt(i, field);
        if (start >= 0) noteUnknown(chunk.buffer, start, chunk.endAt(i, field), ids);
      }
      return ids.size === 0 ? undefined : fetchAll(ids);
    },
  );
  return { prepare, decode };
}

function hasSchemaId(buffer: Buffer, start: number, end: number): boolean {
  return end - start >= HEADER_BYTES && buffer[start] === MAGIC;
}

function schemaIdAt(buffer: Buffer, start: number, end: number): number {
  if (hasSchemaId(buffer, start, end)) return buffer.readInt32BE(start + 1);
  const found = end - start < HEADER_BYTES ? `has ${end - start} bytes` : `begins with the byte ${buffer[start]}`;
  throw new TypeError(`it is not in Confluent's format: it ${found}, not with a zero byte and a schema id`);
}

export interface ConfluentAvroEncoderOptions extends RegistryOptions, SchemaOptions {
  readonly schema: AvroSchema;
  /** @default the topic with "-value" or "-key", as in Confluent's own serializers */
  readonly subject?: string | undefined;
  /** Registers the schema when the subject does not have it. Else that is an error. @default false */
  readonly register?: boolean | undefined;
}

/**
 * For the Kafka sink: `kafka({ value: confluentAvroEncoder<View>({ registry, schema }), ... })`. The registry is asked for the schema's
 * id before the first record, once per executor and subject.
 * @throws BAD_OPTION
 */
export function confluentAvroEncoder<T>(options: ConfluentAvroEncoderOptions): Encoder<T> {
  checkOptions("confluentAvroEncoder", options, {
    ...REGISTRY_CHECKS,
    schema: checkedLater,
    long: isLong,
    subject: isText,
    register: isBoolean,
  });
  const { schema, register = false } = options;
  const writer = new ValueWriter(compileSchema(needed("confluentAvroEncoder", schema), options));
  const registry = new Registry("confluentAvroEncoder", options);
  const encoders = new Map<string, Promise<EncodeFunction<T>>>();

  async function encoderOf(subject: string): Promise<EncodeFunction<T>> {
    const header = Buffer.alloc(HEADER_BYTES);
    header.writeInt32BE(await idOf(registry, subject, textOf(schema), register), 1);
    return (value) => writer.write(value, header);
  }

  return {
    prepare({ topic, field }: EncodePlace) {
      const subject = options.subject ?? `${topic}-${field}`;
      let encoder = encoders.get(subject);
      if (encoder === undefined) {
        encoder = encoderOf(subject);
        encoders.set(subject, encoder);
        // The next partition asks again.
        encoder.catch(() => encoders.delete(subject));
      }
      return encoder;
    },
  };
}

async function idOf(registry: Registry, subject: string, schema: string, register: boolean): Promise<number> {
  try {
    return await (register ? registry.register(subject, schema) : registry.idOf(subject, schema));
  } catch (error) {
    if (!(error instanceof RegistryAnswer)) throw error;
    const lacking = !register && error.status === 404;
    throw new MillraceError(
      "REGISTRY_REFUSED",
      lacking
        ? `The subject "${subject}" at ${registry.address} does not have the schema (${error.message}).`
        : `The registry at ${registry.address} refused the schema for the subject "${subject}" (${error.message}).`,
      {
        hint: lacking
          ? "Register it as your team does, or let the sink do it with register: true."
          : "A new version must be compatible with those before, by the rule of the subject.",
        cause: error,
      },
    );
  }
}
