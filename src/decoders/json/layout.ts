/** What the JSON texts of one producer have in common: all but the values. */
export interface Layout {
  /** What stands before, between and behind the values, white space included: one more than there are values. */
  readonly literals: readonly string[];
  readonly fields: Fields;
}

/** In the order of the text; a number is the place of a value. */
export type Fields = readonly (readonly [name: string, value: number | Fields])[];

/** The layout of an object, and of the objects in its arrays. None when there is none that is worth having. */
export interface Layouts {
  readonly record: Layout;
  readonly elements: readonly Layout[];
}

/** @param json known to be valid */
export function layoutsOf(json: string): Layouts | undefined {
  const elements: Layout[] = [];
  const walk = new Walk(json, 0, elements);
  const fields = walk.fields();
  return fields && { record: { literals: walk.literalsUntil(json.length), fields }, elements };
}

class Walk {
  readonly #json: string;
  readonly #elements: Layout[];
  readonly #literals: string[] = [];
  #literalStart: number;
  position: number;

  constructor(json: string, start: number, elements: Layout[]) {
    this.#json = json;
    this.#elements = elements;
    this.#literalStart = start;
    this.position = start;
    this.#skipSpace();
  }

  /** Undefined for what is no object, and for names that mean something else in a program or are written in another way. */
  fields(): Fields | undefined {
    if (!this.#isAt("{")) return undefined;
    const fields = new Map<string, number | Fields>();
    this.#pass();
    while (!this.#isAt("}")) {
      const name = this.#name();
      if (name === undefined || name === "__proto__") return undefined;
      this.#pass(); // the colon
      const value = this.#isAt("{") ? this.fields() : this.#value();
      if (value === undefined) return undefined;
      fields.set(name, value);
      this.#skipSpace();
      if (this.#isAt(",")) this.#pass();
    }
    this.position++;
    return [...fields];
  }

  /** What stands between the values, from where this walk began. */
  literalsUntil(end: number): string[] {
    return [...this.#literals, this.#json.slice(this.#literalStart, end)];
  }

  #isAt(character: string): boolean {
    return this.#json[this.position] === character;
  }

  #name(): string | undefined {
    const start = this.position + 1;
    this.#passText();
    const name = this.#json.slice(start, this.position - 1);
    this.#skipSpace();
    return name.includes("\\") ? undefined : name;
  }

  /** The number of a value, which is passed. */
  #value(): number | undefined {
    this.#literals.push(this.#json.slice(this.#literalStart, this.position));
    if (!this.#passValue()) return undefined;
    this.#literalStart = this.position;
    return this.#literals.length - 1;
  }

  #passValue(): boolean {
    if (this.#isAt("[")) return this.#passArray();
    if (this.#isAt('"')) this.#passText();
    else while (/[^\s,}\]]/.test(this.#json[this.position]!)) this.position++;
    return true;
  }

  #passArray(): boolean {
    this.#pass();
    while (!this.#isAt("]")) {
      if (!(this.#isAt("{") ? this.#passElement() : this.#passValue())) return false;
      this.#skipSpace();
      if (this.#isAt(",")) this.#pass();
    }
    this.position++;
    return true;
  }

  #passElement(): boolean {
    const walk = new Walk(this.#json, this.position, this.#elements);
    const fields = walk.fields();
    if (fields === undefined) return false;
    this.position = walk.position;
    this.#elements.push({ literals: walk.literalsUntil(walk.position), fields });
    return true;
  }

  #passText(): void {
    this.position++;
    while (!this.#isAt('"')) this.position += this.#isAt("\\") ? 2 : 1;
    this.position++;
  }

  /** One character, and the space behind it. */
  #pass(): void {
    this.position++;
    this.#skipSpace();
  }

  #skipSpace(): void {
    while (/\s/.test(this.#json[this.position] ?? "")) this.position++;
  }
}
