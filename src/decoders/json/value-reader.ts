import type { DecodeSource, SliceableBuffer } from "../decoder.ts";
import type { LayoutProgram } from "./compile.ts";

const QUOTE = 0x22;
const MINUS = 0x2d;
const POINT = 0x2e;
const ZERO = 0x30;
const COMMA = 0x2c;
const OPENING_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSING_BRACKET = 0x5d;
const OPENING_BRACE = 0x7b;
const CLOSING_BRACE = 0x7d;
const NULL = Buffer.from("null");
const TRUE = Buffer.from("true");
const FALSE = Buffer.from("false");

/** V8 copies a text up to this length when it is cut out of another, and else keeps the other alive. */
const LONGEST_COPIED = 12;
/** Of a record whose own text may be kept alive by its longer values. */
const LONGEST_OWN_TEXT = 1024;

/** So many digits are exact as a number, and so is any power of ten up to here: one divided by the other is rounded just once. */
const MOST_DIGITS = 15;
const POWERS_OF_TEN = Array.from({ length: MOST_DIGITS + 1 }, (_, exponent) => Number(`1e${exponent}`));

/** What is nested deeper is left to `JSON.parse`, which needs no stack for it. */
const DEEPEST = 16;

/** Where a text ends whose first character is at `position`: at its closing quote, or below zero when that takes a closer look. */
export function endOfPlainText(bytes: Uint8Array, position: number): number {
  let end = position;
  let byte = bytes[end]!;
  while (byte > 0x1f && byte < 0x80 && byte !== QUOTE && byte !== BACKSLASH) byte = bytes[++end]!;
  return byte === QUOTE ? end : -1;
}

/** Reads JSON values one by one. What it does not read fast it leaves to `JSON.parse`. */
export class ValueReader {
  /** Behind what was read last. */
  position = 0;
  /** Knows the objects in arrays. */
  elements: LayoutProgram | undefined;
  #depth = 0;
  #bytes: SliceableBuffer = Buffer.alloc(0) as SliceableBuffer;
  #text = "";
  #textStart = 0;
  #recordStart = 0;
  #recordEnd = 0;
  #recordText: string | undefined;

  /** @param text The bytes of the source from its `textStart` on, a character each. */
  startRecord(source: DecodeSource, text: string, start: number, end: number): void {
    this.#bytes = source.buffer;
    this.#text = text;
    this.#textStart = source.textStart;
    this.#recordStart = start;
    this.#recordEnd = end;
    this.#recordText = undefined;
    this.#depth = 0;
  }

  /** ASCII only. Keeps nothing alive but, at most, the text of its own record. */
  cut(start: number, end: number): string {
    if (end - start <= LONGEST_COPIED) return this.#text.substring(start - this.#textStart, end - this.#textStart);
    const recordStart = this.#recordStart;
    if (this.#recordEnd - recordStart > LONGEST_OWN_TEXT) return this.#bytes.latin1Slice(start, end);
    this.#recordText ??= this.#bytes.latin1Slice(recordStart, this.#recordEnd);
    return this.#recordText.substring(start - recordStart, end - recordStart);
  }

  /** The value at `start`; undefined when none is there. */
  read(start: number): unknown {
    const first = this.#bytes[start]!;
    if (first === QUOTE) return this.#readText(start);
    if (first === MINUS) return this.#readNumber(start, start + 1);
    if (first - ZERO >= 0 && first - ZERO <= 9) return this.#readNumber(start, start);
    if (first === OPENING_BRACE || first === OPENING_BRACKET) return this.#readNested(start, first);
    return this.#readWord(start);
  }

  /** One that needs a closer look. */
  #readText(start: number): string | undefined {
    const bytes = this.#bytes;
    let end = start + 1;
    let isEscaped = false;
    for (let byte = bytes[end]!; byte !== QUOTE; byte = bytes[end]!) {
      if (!(byte > 0x1f)) return undefined;
      if (byte === BACKSLASH) isEscaped = true;
      end += byte === BACKSLASH ? 2 : 1;
    }
    if (isEscaped) return this.#parse(start, end + 1) as string | undefined;
    this.position = end + 1;
    return bytes.utf8Slice(start + 1, end);
  }

  #readNested(start: number, first: number): unknown {
    if (this.#depth === DEEPEST) return this.#parse(start, this.#endOfBrackets(start));
    this.#depth++;
    const value = first === OPENING_BRACE ? this.elements?.(this, this.#bytes, start) : this.#readElements(start + 1);
    this.#depth--;
    return value ?? this.#parse(start, this.#endOfBrackets(start));
  }

  /** Undefined when they do not follow each other without white space. */
  #readElements(start: number): unknown[] | undefined {
    const bytes = this.#bytes;
    const values: unknown[] = [];
    let position = start;
    if (bytes[position] === CLOSING_BRACKET) {
      this.position = position + 1;
      return values;
    }
    while (true) {
      const textEnd = bytes[position] === QUOTE ? endOfPlainText(bytes, position + 1) : -1;
      if (textEnd >= 0) {
        values.push(this.cut(position + 1, textEnd));
        position = textEnd + 1;
      } else {
        const value = this.read(position);
        if (value === undefined) return undefined;
        values.push(value);
        position = this.position;
      }
      if (bytes[position] === CLOSING_BRACKET) {
        this.position = position + 1;
        return values;
      }
      if (bytes[position++] !== COMMA) return undefined;
    }
  }

  #readNumber(start: number, firstDigit: number): number | undefined {
    const bytes = this.#bytes;
    let end = firstDigit;
    let digits = 0;
    let digit = bytes[end]! - ZERO;
    for (; digit >= 0 && digit <= 9; digit = bytes[++end]! - ZERO) digits = digits * 10 + digit;
    const whole = end - firstDigit;
    if (whole === 0 || (whole > 1 && bytes[firstDigit] === ZERO)) return undefined;
    let decimals = 0;
    if (digit === POINT - ZERO) {
      digit = bytes[++end]! - ZERO;
      for (; digit >= 0 && digit <= 9; digit = bytes[++end]! - ZERO) digits = digits * 10 + digit;
      decimals = end - firstDigit - whole - 1;
      if (decimals === 0) return undefined;
    }
    const hasExponent = (bytes[end]! | 0x20) === 0x65;
    if (hasExponent || whole + decimals > MOST_DIGITS)
      return this.#parse(start, this.#endOfNumber(end)) as number | undefined;
    this.position = end;
    const size = decimals === 0 ? digits : digits / POWERS_OF_TEN[decimals]!;
    return start === firstDigit ? size : -size;
  }

  #readWord(start: number): null | boolean | undefined {
    if (this.#isAt(start, NULL)) return null;
    if (this.#isAt(start, TRUE)) return true;
    return this.#isAt(start, FALSE) ? false : undefined;
  }

  #isAt(start: number, word: Uint8Array): boolean {
    for (let i = 0; i < word.length; i++) if (this.#bytes[start + i] !== word[i]) return false;
    this.position = start + word.length;
    return true;
  }

  #endOfNumber(position: number): number {
    let end = position;
    while (/[-+.0-9eE]/.test(String.fromCharCode(this.#bytes[end] ?? 0))) end++;
    return end;
  }

  #endOfBrackets(start: number): number {
    const bytes = this.#bytes;
    const recordEnd = this.#recordEnd;
    let end = start;
    let depth = 0;
    let isInText = false;
    do {
      const byte = bytes[end++]!;
      if (byte === QUOTE) isInText = !isInText;
      else if (isInText) end += byte === BACKSLASH ? 1 : 0;
      else if (byte === OPENING_BRACE || byte === OPENING_BRACKET) depth++;
      else if (byte === CLOSING_BRACE || byte === CLOSING_BRACKET) depth--;
    } while (depth > 0 && end < recordEnd);
    return end;
  }

  #parse(start: number, end: number): unknown {
    this.position = end;
    try {
      return JSON.parse(this.#bytes.utf8Slice(start, end));
    } catch {
      // The record as a whole is not valid either, and what is wrong is told of the whole.
      return undefined;
    }
  }
}
