/** A map is asked this often before it keeps what it was asked for: a small batch is done by then. */
const LOOKUPS_BEFORE = 4096;

const PLACE_BITS = 13;
const PLACES = 1 << PLACE_BITS;
/** Places side by side that a text may have, so that a few that are told the same one do not drive each other out. */
const WAYS = 4;
/** It is a mistake when others of the same sample have all other ways. After so many it is seen how many look-ups they came in. */
const MISTAKES = 1024;
/** With fewer of them samples do not tell these texts apart, and trying costs more than it saves. */
const LOOKUPS_PER_MISTAKE = 3;

/**
 * Entries by text. Words of a language, names of countries: with few keys the same ones are asked for again and again, each time as a new text
 * that V8 has to hash from end to end. So long as there are fewer keys than places, each is remembered at a place that a few of its
 * characters tell, and compared: that takes half of the time.
 */
export class TextMap<E extends { readonly key: unknown }> {
  readonly #all = new Map<string, E>();
  #lookups = 0;
  /** With more keys than these nothing is remembered. */
  #keysMax = PLACES;
  #mistakes = 0;
  #samples = new Int32Array(0);
  #remembered: (E | undefined)[] = [];

  get(text: string): E | undefined {
    if (this.#lookups < LOOKUPS_BEFORE) {
      if (++this.#lookups === LOOKUPS_BEFORE) this.#makePlaces();
      return this.#all.get(text);
    }
    if (this.#all.size > this.#keysMax || text.length === 0) return this.#all.get(text);
    this.#lookups++;
    const sample = sampleOf(text);
    const place = sample >>> (32 - PLACE_BITS);
    for (let way = 0; way < WAYS; way++) {
      if (this.#samples[place ^ way] !== sample) continue;
      const remembered = this.#remembered[place ^ way];
      if (remembered !== undefined && remembered.key === text) return remembered;
    }
    const entry = this.#all.get(text);
    if (entry !== undefined) this.#remember(entry, sample, place);
    return entry;
  }

  set(text: string, entry: E): void {
    this.#all.set(text, entry);
  }

  clear(): void {
    this.#all.clear();
    this.#remembered.fill(undefined);
  }

  /** In the first way that is free, or in the last one: the texts that come most often came first. */
  #remember(entry: E, sample: number, place: number): void {
    let way = 0;
    let alike = 0;
    while (way < WAYS - 1 && this.#remembered[place ^ way] !== undefined) {
      if (this.#samples[place ^ way] === sample) alike++;
      way++;
    }
    if (alike === WAYS - 1 && ++this.#mistakes === MISTAKES) this.#judgeSamples();
    this.#samples[place ^ way] = sample;
    this.#remembered[place ^ way] = entry;
  }

  #judgeSamples(): void {
    if (this.#lookups - LOOKUPS_BEFORE < MISTAKES * LOOKUPS_PER_MISTAKE) this.#keysMax = -1;
    this.#lookups = LOOKUPS_BEFORE;
    this.#mistakes = 0;
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
