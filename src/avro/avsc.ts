import { createRequire } from "node:module";
import { MillraceError } from "../model/errors.ts";

/** The part of the package `avsc` that is used: structural, so that our types do not need its own. */

/** How values of a writer's schema become values of a reader's. */
export interface Resolver {
  readonly _brand?: never;
}

export interface AvroType {
  readonly typeName: string;
  /** A named type has one. */
  readonly name?: string;
  readonly fields?: readonly { readonly type: AvroType }[];
  readonly itemsType?: AvroType;
  readonly valuesType?: AvroType;
  readonly types?: readonly AvroType[];
  readonly underlyingType?: AvroType;
  /** Bytes of a fixed type. */
  readonly size?: number;
  /** What the values of a record are instances of. */
  readonly recordConstructor?: { prototype: object };
  /** `offset` is where the value ends, or below zero when the buffer ends first. */
  decode(buffer: Buffer, start: number, resolver?: Resolver): { readonly value: unknown; readonly offset: number };
  /** Gives the end, or below zero how many bytes are missing. */
  encode(value: unknown, buffer: Buffer, start: number): number;
  createResolver(writer: AvroType): Resolver;
  isValid(
    value: unknown,
    options: { errorHook(path: readonly string[], value: unknown, type: AvroType): void },
  ): boolean;
  /** The value in a union whose branches cannot be told apart by their values; null for null. */
  wrap(value: unknown): object | null;
}

interface Avsc {
  readonly Type: { forSchema(schema: unknown, options: object): AvroType };
  readonly types: { readonly LongType: { __with(methods: object): AvroType } };
}

let loaded: Avsc | undefined;

/** @throws JOB_NOT_LOADABLE when it is not installed. */
export function loadAvsc(): Avsc {
  if (loaded !== undefined) return loaded;
  try {
    // Synchronously: decoders are made while the graph is built.
    loaded = createRequire(import.meta.url)("avsc") as Avsc;
    return loaded;
  } catch (error) {
    throw new MillraceError("JOB_NOT_LOADABLE", `millrace/avro needs the package "avsc".`, {
      hint: "npm install avsc",
      cause: error,
    });
  }
}
