import { compareRanks, type Rank, rankOf } from "../operators/order.ts";
import { type Blocks, BlockWriter, segmentsOf } from "./block.ts";
import { decodeValues, encodeValues } from "./codec.ts";
import { type Movement, VALUES_PER_SEGMENT } from "./movement.ts";

/**
 * Sorts across partitions in one shuffle. Each map task leaves its values sorted, in segments, and an index of where each begins. A
 * reader has the indexes of all map tasks: from them it finds where its partition begins and ends, as every other reader does, and
 * decodes only the segments that reach into it. Spark: `sortBy`, which reads its parent once more for a sample.
 */

/** More segments make partitions more even, fewer make them cheaper. */
const SEGMENTS_PER_PARTITION = 20;

const VALUES = 0;
const INDEX = 1;

interface Index {
  readonly numPartitions: number;
  /** Of the first value of each segment. */
  readonly ranks: readonly Rank[];
  /** How many values each segment holds. */
  readonly counts: readonly number[];
}

interface Ranked<T> {
  readonly rank: Rank;
  readonly value: T;
}

/** Equal ones stay in the order of the map tasks, whatever the direction. */
export function sortBy<T>(key: (value: T) => unknown, ascending: boolean): Movement<T, T> {
  const compare = (a: Rank, b: Rank) => (ascending ? compareRanks(a, b) : compareRanks(b, a));
  const byRank = (a: Ranked<T>, b: Ranked<T>) => compare(a.rank, b.rank);
  return {
    write(name, numPartitions) {
      const writer = new BlockWriter(2);
      const all: Ranked<T>[] = [];
      return {
        push: (value) => {
          all.push({ rank: rankOf(value, key, name), value });
        },
        end: () => {
          all.sort(byRank);
          const even = Math.ceil(all.length / (SEGMENTS_PER_PARTITION * numPartitions));
          const size = numPartitions === 1 ? VALUES_PER_SEGMENT : Math.min(VALUES_PER_SEGMENT, even);
          const ranks: Rank[] = [];
          const counts: number[] = [];
          for (let start = 0; start < all.length; start += size) {
            const segment = all.slice(start, start + size);
            writer.write(
              VALUES,
              encodeValues(
                segment.map(({ value }) => value),
                name,
              ),
            );
            ranks.push(segment[0]!.rank);
            counts.push(segment.length);
          }
          if (all.length > 0)
            writer.write(INDEX, encodeValues([{ numPartitions, ranks, counts } satisfies Index], name));
        },
        blocks: () => writer.finish(),
      };
    },

    *read(inputs, partition, name) {
      const indexes = inputs.map(indexOf);
      const { from, until } = rangeOf(indexes, partition, compare);
      if (partition > 0 && from === undefined) return;
      const before = (rank: Rank, border: Rank | undefined) => border === undefined || compare(rank, border) < 0;
      const mine: Ranked<T>[] = [];
      for (const [i, index] of indexes.entries()) {
        if (index === undefined) continue;
        const segments = [...segmentsOf(inputs[i]!, VALUES)];
        // A segment that begins before this partition may reach into it, if the one after it does not begin before it too.
        const first = from === undefined ? 0 : index.ranks.findLastIndex((rank) => before(rank, from));
        for (let s = Math.max(0, first); s < segments.length && before(index.ranks[s]!, until); s++) {
          for (const value of decodeValues(segments[s]!) as T[]) {
            const rank = rankOf(value, key, name);
            if ((from === undefined || !before(rank, from)) && before(rank, until)) mine.push({ rank, value });
          }
        }
      }
      mine.sort(byRank);
      for (let start = 0; start < mine.length; start += VALUES_PER_SEGMENT) {
        yield mine.slice(start, start + VALUES_PER_SEGMENT).map(({ value }) => value);
      }
    },
  };
}

/** Undefined when the map task had nothing to sort. */
function indexOf(blocks: Blocks): Index | undefined {
  for (const segment of segmentsOf(blocks, INDEX)) return decodeValues(segment)[0] as Index;
  return undefined;
}

/**
 * The ranks at which a partition begins and before which it ends; undefined for no border. Each partition gets about as many values as
 * any other; equal ranks are never parted.
 */
function rangeOf(
  indexes: readonly (Index | undefined)[],
  partition: number,
  compare: (a: Rank, b: Rank) => number,
): { from: Rank | undefined; until: Rank | undefined } {
  const segments = indexes
    .flatMap((index) => index?.ranks.map((rank, s) => ({ rank, count: index.counts[s]! })) ?? [])
    .sort((a, b) => compare(a.rank, b.rank));
  const numPartitions = indexes.find((index) => index !== undefined)?.numPartitions ?? 1;
  const total = segments.reduce((sum, { count }) => sum + count, 0);
  const borders: Rank[] = [];
  let passed = 0;
  for (const { rank, count } of segments) {
    if (borders.length < numPartitions - 1 && passed >= (total * (borders.length + 1)) / numPartitions)
      borders.push(rank);
    passed += count;
  }
  return { from: borders[partition - 1], until: borders[partition] };
}
