import type { NarrowOperator } from "./receiver.ts";

export interface SampleOptions {
  /** Of the values, on average; with replacement how often each value comes, on average. */
  readonly fraction: number;
  readonly withReplacement: boolean;
  /** Undefined: the batch, so that each batch has a sample of its own, and the same one when it runs again. */
  readonly seed: number | undefined;
}

/** Those values whose random number is in [from, to): parts that share a seed have no value in common. */
export const randomPart = <T>(from: number, to: number, seed: number | undefined): NarrowOperator<T, T> => ({
  perRecord: true,
  bind: (next, _name, { partition, seq }) => {
    const random = randomNumbers(scramble(scramble(seed ?? seq) + partition));
    return {
      push: (value) => {
        const number = random();
        if (number >= from && number < to) next.push(value);
      },
      end: () => next.end(),
    };
  },
});

/** Each value with the same probability, decided by the seed, the partition and the value's place in it alone. */
export const sample = <T>({ fraction, withReplacement, seed }: SampleOptions): NarrowOperator<T, T> => ({
  perRecord: true,
  bind: (next, _name, { partition, seq }) => {
    const random = randomNumbers(scramble(scramble(seed ?? seq) + partition));
    const none = Math.exp(-fraction);
    return {
      push: withReplacement
        ? (value) => {
            // Knuth's way to a Poisson number: as many as it takes until the product falls below e^-fraction.
            for (let product = random(); product > none; product *= random()) next.push(value);
          }
        : (value) => {
            if (random() < fraction) next.push(value);
          },
      end: () => next.end(),
    };
  },
});

/** Evenly in [0, 1): a counter, scrambled. */
function randomNumbers(seed: number): () => number {
  let counter = seed;
  return () => {
    counter = (counter + 0x9e3779b9) | 0;
    return scramble(counter) / 2 ** 32;
  };
}

/** 32 bits from any whole number, each bit of the one depending on all of the other. */
function scramble(value: number): number {
  let bits = (value | 0) ^ Math.trunc(value / 2 ** 32);
  bits = Math.imul(bits ^ (bits >>> 16), 0x7feb352d);
  bits = Math.imul(bits ^ (bits >>> 15), 0x846ca68b);
  return (bits ^ (bits >>> 16)) >>> 0;
}
