import assert from "node:assert/strict";

/**
 * What V8's structured clone format says, token by token, without the freedoms that it takes: a number is written as an integer or as a double, a text
 * of Latin-1 in one or in two bytes a character, an array as its elements or as indexes with elements, all after what the process has done before. The
 * order of fields and members, holes, and what is said by reference are all there.
 */
export function wireTokens(bytes: Uint8Array): string[] {
  const reader = new WireReader(bytes);
  reader.all();
  return reader.tokens;
}

class WireReader {
  readonly tokens: string[] = [];
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes);
  }

  all(): void {
    assert.equal(this.#bytes[this.#at++], 0xff);
    assert.equal(this.#varint(), 15);
    this.#value();
    assert.equal(this.#at, this.#bytes.length);
  }

  #value(): void {
    const tag = this.#tag();
    this.#at++;
    switch (tag) {
      case "I": {
        const zigzag = this.#varint();
        this.#number(zigzag % 2 === 0 ? zigzag / 2 : -(zigzag + 1) / 2);
        break;
      }
      case "U":
        this.#number(this.#varint());
        break;
      case "N":
        this.#say("number", this.#take(8).toString("hex"));
        break;
      case '"':
        this.#say("text", this.#take(this.#varint()).toString("latin1"));
        break;
      case "c":
        this.#say("text", this.#take(this.#varint()).toString("utf16le"));
        break;
      case "D":
        this.#say("date", this.#take(8).toString("hex"));
        break;
      case "Z": {
        const head = this.#varint();
        this.#say("bigint", head, this.#take(head >> 1).toString("hex"));
        break;
      }
      case "\\": // Node's own: which typed array, and its bytes
        this.#say("bytes", this.#varint(), this.#take(this.#varint()).toString("hex"));
        break;
      case "^":
        this.#say("same as", this.#varint());
        break;
      case "o":
        this.#say("object");
        this.#until("{", 1);
        break;
      case ";":
        this.#say("map");
        this.#until(":", 1);
        break;
      case "'":
        this.#say("set");
        this.#until(",", 1);
        break;
      case "A": {
        const length = this.#varint();
        this.#say("array", length);
        for (let i = 0; i < length; i++) {
          if (this.#tag() === "-") this.#at++;
          else {
            this.#number(i);
            this.#value();
          }
        }
        this.#until("$", 2);
        break;
      }
      case "a":
        this.#say("array", this.#varint());
        this.#until("@", 2);
        break;
      default:
        assert.match(tag, /^[TF_0]$/, `unknown tag ${JSON.stringify(tag)}`);
        this.#say(tag);
    }
  }

  /** Values up to this tag, and the counts after it. */
  #until(tag: string, counts: number): void {
    while (this.#tag() !== tag) this.#value();
    this.#at++;
    for (let count = 0; count < counts; count++) this.#varint();
    this.#say("end");
  }

  /** Behind zeros, so that two-byte texts begin at an even place. */
  #tag(): string {
    while (this.#bytes[this.#at] === 0) this.#at++;
    return String.fromCharCode(this.#bytes[this.#at]!);
  }

  #varint(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.#bytes[this.#at++]!;
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  }

  #take(length: number): Buffer {
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  #number(value: number): void {
    const bits = Buffer.alloc(8);
    bits.writeDoubleLE(value);
    this.#say("number", bits.toString("hex"));
  }

  #say(...token: unknown[]): void {
    this.tokens.push(token.join(" "));
  }
}
