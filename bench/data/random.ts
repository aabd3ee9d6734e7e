/** Numbers that are the same in every run, so that every run measures the same records. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0 || 1;
  }

  /** A whole number from 0 to `limit - 1`. */
  below(limit: number): number {
    let state = this.#state;
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    this.#state = state;
    return Math.floor(((state >>> 0) / 2 ** 32) * limit);
  }

  /** The same, but small numbers come far more often: words, pages and users are used that way. */
  skewedBelow(limit: number): number {
    const evenly = this.below(1 << 20) / (1 << 20);
    return Math.floor(evenly * evenly * evenly * limit);
  }
}
