/** A map is asked this often before it keeps what it was asked for: a small batch is done by then. */
const LOOKUPS_BEFORE = 4096;

const PLACE_BITS = 13;
const PLACES = 1 << PLACE_BITS;

/**
 * Entries by text. Words of a language, names of countries: with few keys the same ones are asked for again and again, each time as a new text
 * that V8 has to hash from end to end. So long as there are fewer keys than places, each is remembered at a place that a few of its
 * characters tell, and compared: that takes two thirds of the time.
 */
export class TextMap<E extends { readonly key: unknown }> {
  readonly #all = new Map<string, E>();
  #lookups = 0;
  #samples = new Int32Array(0);
  #remembered: (E | undefined)[] = [];

  get(text: string): E | undefined {
    if (this.#lookups < LOOKUPS_BEFORE) {
      if (++this.#lookups === LOOKUPS_BEFORE) this.#makePlaces();
      return this.#all.get(text);
    }
    if (this.#all.size > PLACES || text.length === 0) return this.#all.get(text);
    const sample = sampleOf(text);
    const place = sample >>> (32 - PLACE_BITS);
    if (this.#samples[place] === sample) {
      const remembered = this.#remembered[place];
      if (remembered !== undefined && remembered.key === text) return remembered;
    }
    const entry = this.#all.get(text);
    if (entry !== undefined) {
      this.#samples[place] = sample;
      this.#remembered[place] = entry;
    }
    return entry;
  }

  set(text: string, entry: E): void {
    this.#all.set(text, entry);
  }

  clear(): void {
    this.#all.clear();
    this.#remembered.fill(undefined);
  }

  #makePlaces(): void {
    this.#samples = new Int32Array(PLACES);
    this.#remembered = new Array<E | undefined>(PLACES).fill(undefined);
  }
}

/** 32 bits of the length and six characters, those at the end among them: there numbered keys differ. The highest bits are the best. */
function sampleOf(text: string): number {
  const { length } = text;
  const last = length - 1;
  return (
    (Math.imul(text.charCodeAt(0), 0x9e3779b1) +
      Math.imul(text.charCodeAt(length >> 2), 0x85ebca6b) +
      Math.imul(text.charCodeAt(length >> 1), 0xc2b2ae35) +
      Math.imul(text.charCodeAt(last - (length >> 2)), 0x27d4eb2f) +
      Math.imul(text.charCodeAt(last - (length >> 3)), 0x165667b1) +
      Math.imul(text.charCodeAt(last) + (length << 16), 0xd3a2646d)) |
    0
  );
}
