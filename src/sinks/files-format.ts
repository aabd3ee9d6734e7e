/** How values become the bytes of a file. A format with a head, a foot or blocks (Parquet, Avro) has its place here too. */
export interface FileFormat<T> {
  /** Of the names of the files: `jsonl`. */
  readonly extension: string;
  /** Called once per file: yields its bytes from the first to the last, in pieces of any size. What it throws ends the task. */
  encode(values: AsyncIterable<readonly T[]>): AsyncIterable<Uint8Array>;
}

/** One line of JSON per value. A value that JSON cannot hold (undefined, a function, a bigint) ends the task. */
export function jsonLines<T>(): FileFormat<T> {
  return {
    extension: "jsonl",
    async *encode(values) {
      for await (const some of values) yield Buffer.from(some.map(lineOf).join(""));
    },
  };
}

/** What `encode` makes of each value: a text is a line. What it returns else ends the task. */
export function encodedBy<T>(encode: (value: T) => string | Uint8Array): FileFormat<T> {
  return {
    extension: "txt",
    async *encode(values) {
      for await (const some of values) yield Buffer.concat(some.map((value) => bytesOf(encode(value))));
    },
  };
}

function bytesOf(encoded: unknown): Uint8Array {
  if (typeof encoded === "string") return Buffer.from(`${encoded}\n`);
  if (encoded instanceof Uint8Array) return encoded;
  throw new TypeError(`encode returned ${encoded === null ? "null" : typeof encoded}, not a text or bytes`);
}

function lineOf(value: unknown): string {
  const text = JSON.stringify(value);
  if (text === undefined) throw new TypeError(`JSON cannot hold ${typeof value}; map it to something else first`);
  return `${text}\n`;
}
