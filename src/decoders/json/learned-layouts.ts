import type { DecodeSource } from "../decoder.ts";
import { textAt } from "../text.ts";
import { canCompile, compile, type LayoutProgram } from "./compile.ts";
import { layoutsOf } from "./layout.ts";
import { addLayout, newTree } from "./layout-tree.ts";
import { ValueReader } from "./value-reader.ts";

/** Records without a known layout that are looked at for a new one. */
const LESSONS = canCompile() ? 64 : 0;
/** After so many records it is asked whether what was learned fits what comes. */
const FIRST_TERM = 4096;
const LONGEST_TERM = 1 << 24;

/**
 * `JSON.parse` for records that are mostly laid out alike, as those of one producer are: then only values are read, and names
 * compared. The result is the same for any input; a record that is laid out otherwise takes the ordinary way.
 */
export class LearnedLayouts {
  readonly #reader = new ValueReader();
  #records = newTree();
  #elements = newTree();
  #program: LayoutProgram | undefined;
  #seen = new Set<string>();
  #lessons = LESSONS;
  #term = FIRST_TERM;
  #parsed = 0;
  #misses = 0;

  /** @throws SyntaxError */
  parse(source: DecodeSource, start: number, end: number): unknown {
    if (++this.#parsed === this.#term) this.#endTerm();
    if (this.#program !== undefined) {
      const text = source.latin1Text();
      if (text !== undefined) {
        this.#reader.startRecord(source, text, start, end);
        const value = this.#program(this.#reader, source.buffer, start);
        // A record that is not valid may have been read on into the next one.
        if (value !== undefined && this.#reader.position === end) return value;
      }
    }
    this.#misses++;
    const json = textAt(source, start, end);
    const value: unknown = JSON.parse(json);
    if (this.#lessons > 0) this.#learn(json);
    return value;
  }

  /** A layout is worth a program when it comes a second time. */
  #learn(json: string): void {
    this.#lessons--;
    const layouts = layoutsOf(json);
    if (layouts === undefined) return;
    const { record, elements } = layouts;
    const id = record.literals.join("\0");
    if (!this.#seen.has(id)) this.#seen.add(id);
    else {
      if (addLayout(this.#records, record)) this.#program = compile(this.#records);
      if (elements.filter((element) => addLayout(this.#elements, element)).length > 0)
        this.#reader.elements = compile(this.#elements);
    }
  }

  /** Starts anew when most records took the ordinary way: the producer has changed, or its records have no layout in common. */
  #endTerm(): void {
    if (this.#misses * 2 > this.#parsed) {
      this.#records = newTree();
      this.#elements = newTree();
      this.#program = undefined;
      this.#reader.elements = undefined;
      this.#seen.clear();
      this.#lessons = LESSONS;
      // Those without a layout in common are not looked at over and over.
      this.#term = Math.min(this.#term * 2, LONGEST_TERM);
    }
    this.#parsed = 0;
    this.#misses = 0;
  }
}
