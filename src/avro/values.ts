import { messageOf } from "../model/error-transfer.ts";
import type { AvroType, Resolver } from "./avsc.ts";
import { boundsOf, type CheckBounds } from "./bounds.ts";

/** Values in Avro's binary encoding: from a place in a buffer, and into bytes of their own. */

/** Reads what `writer` describes, as the reader's schema has it when there is one. */
export class ValueReader {
  readonly #type: AvroType;
  readonly #resolver: Resolver | undefined;
  readonly #checkBounds: CheckBounds | undefined;

  /** @throws when the reader cannot read what the writer writes */
  constructor(writer: AvroType, reader: AvroType = writer) {
    this.#type = reader;
    this.#checkBounds = boundsOf(writer);
    this.#resolver = reader === writer ? undefined : resolverOf(writer, reader);
  }

  /** The value that takes exactly the bytes from `start` to `end`. Texts and bytes in it are copies. */
  read(buffer: Buffer, start: number, end: number): unknown {
    this.#checkBounds?.(buffer, start, end);
    let decoded: ReturnType<AvroType["decode"]>;
    try {
      decoded = this.#type.decode(buffer, start, this.#resolver);
    } catch (error) {
      if (messageOf(error) !== "potential precision loss") throw error;
      throw new RangeError('a long in it is beyond 2^53; decode with { long: "bigint" }');
    }
    const { value, offset } = decoded;
    if (offset === end) return value;
    // What lies behind the value is the next record: reading on into it is noticed here.
    const found = offset < 0 || offset > end ? "more than its" : `only ${offset - start} of its`;
    throw new TypeError(`by this schema it takes ${found} ${end - start} bytes`);
  }
}

function resolverOf(writer: AvroType, reader: AvroType): Resolver {
  try {
    return reader.createResolver(writer);
  } catch (error) {
    // avsc stumbles over some pairs, as a string for a record, by a TypeError of its own.
    const reason = error instanceof TypeError ? "" : `: ${messageOf(error)}`;
    throw new TypeError(`what was written as ${nameOf(writer)} cannot be read as ${nameOf(reader)}${reason}`);
  }
}

const nameOf = ({ name, typeName }: AvroType) => name ?? typeName;

const SCRATCH_BYTES = 1024;

/** Writes values behind a prefix. */
export class ValueWriter {
  readonly #type: AvroType;
  #scratch = Buffer.allocUnsafe(SCRATCH_BYTES);

  constructor(type: AvroType) {
    this.#type = type;
  }

  /** @throws a TypeError that names the field which does not fit */
  write(value: unknown, prefix: Uint8Array = NO_PREFIX): Uint8Array {
    let end = this.#encode(value, prefix.length);
    if (end < 0) {
      this.#scratch = Buffer.allocUnsafe(2 * (this.#scratch.length - end));
      end = this.#encode(value, prefix.length);
    }
    this.#scratch.set(prefix);
    return Uint8Array.prototype.slice.call(this.#scratch, 0, end);
  }

  #encode(value: unknown, start: number): number {
    try {
      return this.#type.encode(value, this.#scratch, start);
    } catch (error) {
      throw this.#misfit(value) ?? error;
    }
  }

  #misfit(value: unknown): TypeError | undefined {
    let misfit: TypeError | undefined;
    this.#type.isValid(value, {
      errorHook: (path, part, type) => {
        const place = path.length === 0 ? "the value" : path.join(".");
        misfit ??= new TypeError(`${place} is ${show(part)}, which is no ${nameOf(type)}`);
      },
    });
    return misfit;
  }
}

const NO_PREFIX = new Uint8Array(0);

function show(value: unknown): string {
  if (typeof value === "bigint") return `${value}n`;
  return (JSON.stringify(value, (_, part) => (typeof part === "bigint" ? `${part}n` : part)) ?? String(value)).slice(
    0,
    80,
  );
}
