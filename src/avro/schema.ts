import { messageOf } from "../model/error-transfer.ts";
import { MillraceError } from "../model/errors.ts";
import { type AvroType, loadAvsc } from "./avsc.ts";

/** A schema as plain data, or its JSON text; the name of a primitive type is a schema too. */
export type AvroSchema = object | string;

export interface SchemaOptions {
  /**
   * What Avro's `long` becomes. A "number" holds whole numbers up to 2^53: a larger one is an error that names the record, never a
   * rounded value. "bigint" holds them all, for every long of the schema. @default "number"
   */
  readonly long?: "number" | "bigint" | undefined;
}

/**
 * @param named Schemas that this one refers to by name, each after those it refers to itself.
 * @throws BAD_OPTION when it is no Avro schema
 */
export function compileSchema(
  schema: AvroSchema,
  { long = "number" }: SchemaOptions = {},
  named: readonly AvroSchema[] = [],
): AvroType {
  const { Type, types } = loadAvsc();
  const registry = long === "bigint" ? { long: types.LongType.__with(bigints) } : {};
  try {
    for (const one of named) makePlain(Type.forSchema(parsed(one), { registry }), new Set());
    const type = Type.forSchema(parsed(schema), { registry });
    makePlain(type, new Set());
    return type;
  } catch (error) {
    throw new MillraceError("BAD_OPTION", `This is no Avro schema: ${messageOf(error)}`, {
      hint: 'Give it as an object such as { type: "record", name: "View", fields: [...] }, or as the JSON text of an .avsc file.',
      cause: error,
    });
  }
}

function parsed(schema: AvroSchema): unknown {
  return typeof schema === "string" && isJson(schema) ? JSON.parse(schema) : schema;
}

const isJson = (text: string) => /^\s*[[{"]/.test(text);

/** As a registry wants it. */
export function textOf(schema: AvroSchema): string {
  return typeof schema === "string" && isJson(schema) ? schema : JSON.stringify(schema);
}

const bigints = {
  fromBuffer: (bytes: Buffer) => bytes.readBigInt64LE(),
  toBuffer(value: bigint) {
    const bytes = Buffer.allocUnsafe(8);
    bytes.writeBigInt64LE(value);
    return bytes;
  },
  fromJSON: BigInt,
  toJSON: Number,
  isValid: (value: unknown) => typeof value === "bigint" && BigInt.asIntN(64, value) === value,
  compare: (a: bigint, b: bigint) => (a < b ? -1 : a > b ? 1 : 0),
};

/**
 * Records and wrapped branches of unions become plain objects. avsc makes instances of classes of its own, with methods, and what is an
 * instance of a class may not cross from task to task.
 */
function makePlain(type: AvroType, seen: Set<AvroType>): void {
  if (seen.has(type)) return;
  seen.add(type);
  if (type.recordConstructor) type.recordConstructor.prototype = Object.prototype;
  if (type.typeName === "union:wrapped") {
    for (const branch of type.types ?? []) {
      const wrapped = branch.wrap(undefined);
      if (wrapped !== null) wrapped.constructor.prototype = Object.prototype;
    }
  }
  const parts = [type.itemsType, type.valuesType, type.underlyingType, ...(type.types ?? [])];
  for (const part of parts) if (part) makePlain(part, seen);
  for (const field of type.fields ?? []) makePlain(field.type, seen);
}
