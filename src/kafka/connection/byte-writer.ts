/** Writes the fields of a request one after the other, in Kafka's flexible encoding. The counterpart of ByteCursor. */
export class ByteWriter {
  #bytes: Buffer;
  #end = 0;

  /** @param capacity More is made room for. */
  constructor(capacity = 256) {
    this.#bytes = Buffer.allocUnsafe(capacity);
  }

  /** What was written. Do not write on. */
  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.#end);
  }

  int8(value: number): this {
    const at = this.#reserve(1);
    this.#bytes.writeInt8(value, at);
    return this;
  }

  int16(value: number): this {
    const at = this.#reserve(2);
    this.#bytes.writeInt16BE(value, at);
    return this;
  }

  int32(value: number): this {
    const at = this.#reserve(4);
    this.#bytes.writeInt32BE(value, at);
    return this;
  }

  /** A whole number that a double holds exactly. */
  int64(value: number): this {
    const at = this.#reserve(8);
    this.#bytes.writeInt32BE(Math.floor(value / 2 ** 32), at);
    this.#bytes.writeUInt32BE(value >>> 0, at + 4);
    return this;
  }

  boolean(value: boolean): this {
    return this.int8(value ? 1 : 0);
  }

  unsignedVarint(value: number): this {
    let rest = value;
    for (; rest > 0x7f; rest >>>= 7) this.#byte((rest & 0x7f) | 0x80);
    return this.#byte(rest);
  }

  raw(bytes: Uint8Array): this {
    const at = this.#reserve(bytes.length);
    this.#bytes.set(bytes, at);
    return this;
  }

  compactBytes(bytes: Uint8Array): this {
    return this.unsignedVarint(bytes.length + 1).raw(bytes);
  }

  compactText(text: string): this {
    return this.compactBytes(Buffer.from(text));
  }

  /** The encoding of old versions and of request headers. */
  oldText(text: string): this {
    const bytes = Buffer.from(text);
    return this.int16(bytes.length).raw(bytes);
  }

  uuid(uuid: string): this {
    return this.raw(Buffer.from(uuid.replaceAll("-", ""), "hex"));
  }

  compactArray<T>(items: readonly T[], write: (item: T) => void): this {
    this.unsignedVarint(items.length + 1);
    for (const item of items) write(item);
    return this;
  }

  noTaggedFields(): this {
    return this.int8(0);
  }

  #byte(value: number): this {
    const at = this.#reserve(1);
    this.#bytes[at] = value;
    return this;
  }

  /** @returns where `length` bytes can be written. May replace the buffer: look at `#bytes` only afterwards. */
  #reserve(length: number): number {
    const at = this.#end;
    this.#end += length;
    if (this.#end > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(this.#end, 2 * this.#bytes.length));
      this.#bytes.copy(larger, 0, 0, at);
      this.#bytes = larger;
    }
    return at;
  }
}
