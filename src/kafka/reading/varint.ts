/**
 * Reads the zigzag numbers of a record one after the other. What lies past the end reads as garbage that ends: whoever reads checks
 * {@link position} afterwards, once a record and not once a number.
 */
export class VarintReader {
  readonly bytes: Uint8Array;
  position: number;

  constructor(bytes: Uint8Array, position: number) {
    this.bytes = bytes;
    this.position = position;
  }

  /** At most 32 bits. */
  int(): number {
    const byte = this.bytes[this.position++]!;
    if (byte < 0x80) return (byte >>> 1) ^ -(byte & 1);
    const second = this.bytes[this.position++]!;
    if (second < 0x80) {
      const raw = (byte & 0x7f) | (second << 7);
      return (raw >>> 1) ^ -(raw & 1);
    }
    return this.#longInt((byte & 0x7f) | ((second & 0x7f) << 7));
  }

  #longInt(low: number): number {
    let raw = low;
    for (let shift = 14; shift < 35; shift += 7) {
      const byte = this.bytes[this.position++]!;
      raw |= (byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    return (raw >>> 1) ^ -(raw & 1);
  }

  /** Over a number of at most 64 bits, as {@link long} reads it. */
  skip(): void {
    for (let left = 10; left > 0 && this.bytes[this.position++]! > 0x7f; left--);
  }

  /** At most 64 bits as a double, from two halves: no BigInt per record. */
  long(): number {
    const byte = this.bytes[this.position]!;
    if (byte < 0x80) {
      this.position++;
      return (byte >>> 1) ^ -(byte & 1);
    }
    return this.#longLong();
  }

  #longLong(): number {
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = this.bytes[this.position++]!;
      if (shift < 28) low += (byte & 0x7f) * 2 ** shift;
      else high += (byte & 0x7f) * 2 ** (shift - 28);
      if (byte < 0x80) break;
    }
    // The lowest bit is the sign: an odd 2n + 1 stands for -(n + 1).
    const half = (low - (low & 1)) / 2 + high * 2 ** 27;
    return (low & 1) === 0 ? half : -half - 1;
  }
}
