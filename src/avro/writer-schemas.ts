import { messageOf } from "../model/error-transfer.ts";
import { MillraceError } from "../model/errors.ts";
import type { AvroType } from "./avsc.ts";
import { type RegisteredSchema, type Registry, RegistryAnswer } from "./registry.ts";
import { compileSchema, type SchemaOptions } from "./schema.ts";
import { ValueReader } from "./values.ts";

/** An id that the registry did not know is asked for again after this time: a registry may lag behind its writers. */
const ASK_AGAIN_MS = 5_000;

/** What is known of a schema id: how to read its values, or why not. */
interface Known {
  readonly reader: ValueReader | undefined;
  readonly failure: string;
  /** By `performance.now()`. */
  readonly until: number;
}

/** The writers' schemas of a topic, each fetched once. */
export class WriterSchemas {
  readonly #registry: Registry;
  readonly #options: SchemaOptions;
  readonly #reader: AvroType | undefined;
  readonly #known = new Map<number, Known>();
  readonly #fetching = new Map<number, Promise<void>>();

  constructor(registry: Registry, reader: AvroType | undefined, options: SchemaOptions) {
    this.#registry = registry;
    this.#reader = reader;
    this.#options = options;
  }

  isKnown(id: number): boolean {
    const known = this.#known.get(id);
    return known !== undefined && (known.reader !== undefined || known.until > performance.now());
  }

  /** @throws why its values cannot be read */
  readerOf(id: number): ValueReader {
    const known = this.#known.get(id);
    if (known?.reader !== undefined) return known.reader;
    throw new TypeError(known?.failure ?? `schema ${id} was not fetched before its first record`);
  }

  /** Who asks for the same id at the same time shares one request. @throws REGISTRY_UNREACHABLE, REGISTRY_REFUSED */
  fetch(id: number): Promise<void> {
    let fetching = this.#fetching.get(id);
    if (fetching === undefined) {
      fetching = this.#fetch(id).finally(() => this.#fetching.delete(id));
      this.#fetching.set(id, fetching);
    }
    return fetching;
  }

  async #fetch(id: number): Promise<void> {
    const { address } = this.#registry;
    let failure: string;
    try {
      this.#known.set(id, { reader: await this.#read(id), failure: "", until: Number.POSITIVE_INFINITY });
      return;
    } catch (error) {
      if (MillraceError.is(error) && error.code !== "BAD_OPTION") throw error;
      failure =
        error instanceof RegistryAnswer && error.status === 404
          ? `the registry at ${address} has no schema ${id} (${error.message})`
          : `its schema ${id} of the registry at ${address} cannot be used: ${messageOf(error)}`;
    }
    // A fault of the records that bear this id: told when one of them is decoded.
    this.#known.set(id, { reader: undefined, failure, until: performance.now() + ASK_AGAIN_MS });
  }

  async #read(id: number): Promise<ValueReader> {
    const registered = await this.#registry.schemaOf(id);
    const { schemaType = "AVRO" } = registered;
    if (schemaType !== "AVRO") throw new TypeError(`it is a schema of the type ${schemaType}, not AVRO`);
    const named = new Map<string, string>();
    await this.#collectReferences(registered, named);
    return new ValueReader(compileSchema(registered.schema, this.#options, [...named.values()]), this.#reader);
  }

  /** Each schema after those it refers to itself. */
  async #collectReferences({ references = [] }: RegisteredSchema, named: Map<string, string>): Promise<void> {
    for (const { subject, version } of references) {
      const key = `${subject} ${version}`;
      if (named.has(key)) continue;
      const referred = await this.#registry.version(subject, version);
      await this.#collectReferences(referred, named);
      named.set(key, referred.schema);
    }
  }
}
