import { readFileSync } from "node:fs";

/** What is used of it here; the types of Node have nothing of it. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: unknown };
};

/** Positions are bytes in `memory`, of {@link FIRST_BYTE} and above. A result is the end of the output, or -1; they may throw. */
interface Exports {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number };
  snappy(input: number, inputEnd: number, output: number): number;
  lz4(input: number, inputEnd: number, output: number): number;
}

/** Behind the tables. */
const FIRST_BYTE = 1024;
/** What the decoders may read or write beyond an end. */
const BEYOND = 64;
const PAGE_BYTES = 64 * 1024;
/** Memory never shrinks; more than this is not kept. */
const KEPT_BYTES = 8 * 2 ** 20;

/**
 * Decodes the blocks of one compressed batch, one behind the other, by code of our own (blocks.wat) in memory that each thread keeps:
 * what the packages for snappy and LZ4 return is new memory for each call, which costs as much as decoding.
 */
export class Blocks {
  static #kept: Blocks | undefined;

  readonly #exports: Exports;
  #bytes: Buffer;
  #outputStart = 0;
  /** Of what is decoded so far. */
  #end = 0;

  private constructor() {
    const module = new WebAssembly.Module(readFileSync(new URL("./blocks.wasm", import.meta.url)));
    this.#exports = new WebAssembly.Instance(module).exports as Exports;
    this.#bytes = Buffer.from(this.#exports.memory.buffer);
    writeTables(this.#bytes);
  }

  /** Decodes blocks in `compressed` that make `room` bytes at most. Ends what was lent before. */
  static of(compressed: Uint8Array, room: number): Blocks {
    const blocks = Blocks.#kept ?? new Blocks();
    blocks.#begin(compressed, room);
    Blocks.#kept = blocks.#bytes.length <= KEPT_BYTES ? blocks : undefined;
    return blocks;
  }

  #begin(compressed: Uint8Array, room: number): void {
    const { memory } = this.#exports;
    this.#outputStart = FIRST_BYTE + compressed.length + BEYOND;
    this.#end = this.#outputStart;
    const missing = this.#outputStart + room + BEYOND - this.#bytes.length;
    if (missing > 0) {
      memory.grow(Math.ceil(missing / PAGE_BYTES));
      this.#bytes = Buffer.from(memory.buffer);
    }
    this.#bytes.set(compressed, FIRST_BYTE);
  }

  /** Decodes what lies between two positions of the input. @returns whether it makes sense, and `length` bytes. */
  snappy(start: number, end: number, length: number): boolean {
    const output = this.#end;
    this.#end = this.#exports.snappy(FIRST_BYTE + start, FIRST_BYTE + end, output);
    return this.#end - output === length;
  }

  /** The same. @returns whether it makes sense without what is before it, and at most `most` bytes. */
  lz4(start: number, end: number, most: number): boolean {
    const output = this.#end;
    this.#end = this.#exports.lz4(FIRST_BYTE + start, FIRST_BYTE + end, output);
    return this.#end >= output && this.#end - output <= most;
  }

  /** A block that was not worth compressing. */
  copy(start: number, end: number): void {
    this.#bytes.copyWithin(this.#end, FIRST_BYTE + start, FIRST_BYTE + end);
    this.#end += end - start;
  }

  /** Lent until the next batch. */
  output(): Buffer {
    return this.#bytes.subarray(this.#outputStart, this.#end);
  }
}

/** What blocks.wat says of snappy's tags. */
function writeTables(bytes: Buffer): void {
  for (let tag = 0; tag < 256; tag++) {
    const six = tag >>> 2;
    const [length, offset] = [
      [six + 1, six < 60 ? 16 : 0], // a literal
      [4 + (six & 7), (six >>> 3) << 8], // a copy whose offset is also in the next byte
      [six + 1, 0], // in the next two
      [six + 1, 0], // in the next four
    ][tag & 3] as [number, number];
    bytes[tag] = length;
    bytes.writeUInt16LE(offset, 256 + 2 * tag);
  }
  for (const [kind, mask] of [0, 0xff, 0xffff, 0].entries()) bytes.writeUInt32LE(mask, 768 + 4 * kind);
}
