import { checkOptions, isInteger } from "../model/options.ts";

/** The records of one partition, as they arrive. Per record for convenience, by chunks for speed and for batched writes. Can be read once. */
export interface Partition<out T> extends AsyncIterable<T> {
  /** Arrays of what has arrived, or of exactly `size` values (the last one shorter). */
  chunks(options?: { size?: number }): AsyncIterable<readonly T[]>;
}

export function partitionOf<T>(input: AsyncIterable<readonly T[]>): Partition<T> {
  return {
    chunks: (options = {}) => {
      checkOptions("chunks", options, { size: isInteger(1) });
      return options.size === undefined ? input : regroup(input, options.size);
    },
    async *[Symbol.asyncIterator]() {
      for await (const chunk of input) yield* chunk;
    },
  };
}

async function* regroup<T>(input: AsyncIterable<readonly T[]>, size: number): AsyncIterable<readonly T[]> {
  let group: T[] = [];
  for await (const chunk of input) {
    for (const value of chunk) {
      group.push(value);
      if (group.length >= size) {
        yield group;
        group = [];
      }
    }
  }
  if (group.length > 0) yield group;
}
