/** Reads the fields of Kafka's protocol one after the other. 64-bit numbers come as doubles: exact up to 2^53. */
export class ByteCursor {
  readonly buffer: Buffer;
  position: number;

  constructor(buffer: Buffer, position = 0) {
    this.buffer = buffer;
    this.position = position;
  }

  boolean(): boolean {
    return this.buffer.readInt8(this.position++) !== 0;
  }

  int16(): number {
    const value = this.buffer.readInt16BE(this.position);
    this.position += 2;
    return value;
  }

  int32(): number {
    const value = this.buffer.readInt32BE(this.position);
    this.position += 4;
    return value;
  }

  int64(): number {
    const value = readInt64(this.buffer, this.position);
    this.position += 8;
    return value;
  }

  unsignedVarint(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.buffer.readUInt8(this.position++);
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw new RangeError("a varint is longer than five bytes");
  }

  text(length: number): string {
    const start = this.position;
    this.position += length;
    return this.buffer.toString("utf8", start, this.position);
  }

  /** A compact text or some compact bytes as text; undefined for null. */
  compactText(): string | undefined {
    const length = this.unsignedVarint() - 1;
    return length < 0 ? undefined : this.text(length);
  }

  uuid(): string {
    const uuid = this.uuidAt(this.position);
    this.position += 16;
    return uuid;
  }

  uuidAt(position: number): string {
    const hex = this.buffer.toString("hex", position, position + 16);
    return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
  }

  compactArray<T>(read: () => T): T[] {
    const items: T[] = [];
    for (let left = this.compactLength(); left > 0; left--) items.push(read());
    return items;
  }

  skip(length: number): void {
    this.position += length;
  }

  /** Fields that newer brokers add. */
  skipTaggedFields(): void {
    for (let count = this.unsignedVarint(); count > 0; count--) {
      this.unsignedVarint();
      this.skip(this.unsignedVarint());
    }
  }

  /** The length of a compact array, 0 for a null one. */
  compactLength(): number {
    return Math.max(0, this.unsignedVarint() - 1);
  }
}

export function readInt64(buffer: Buffer, position: number): number {
  return buffer.readInt32BE(position) * 2 ** 32 + buffer.readUInt32BE(position + 4);
}
