import type { NarrowOperator } from "../operators/receiver.ts";
import { type Blocks, BlockWriter, segmentsOf } from "./block.ts";
import { decodeColumns, encodeColumns } from "./codec.ts";
import { KeyMap } from "./key.ts";
import { checkPair, type Movement, type Partitioner, targetOf, VALUES_PER_SEGMENT } from "./movement.ts";

/**
 * Two parents through one shuffle. Both sides of a key meet in one partition; the blocks of a map task keep the sides apart, so that
 * nothing is marked on its way and a reader can take one side first.
 */

const LEFT = 0;
const RIGHT = 1;
const SIDES = 2;
type Side = typeof LEFT | typeof RIGHT;

/** A pair and the side it is from. */
interface Sided {
  readonly side: Side;
  pair: readonly [unknown, unknown];
}

/** Marks the pairs of one parent. One mark serves them all: what follows is the shuffle's writer, which takes it apart at once. */
const fromSide = (side: Side): NarrowOperator<readonly [unknown, unknown], Sided> => ({
  perRecord: true,
  bind: (next) => {
    const sided: Sided = { side, pair: [undefined, undefined] };
    return {
      push: (pair) => {
        sided.pair = pair;
        next.push(sided);
      },
      end: () => next.end(),
    };
  },
});

/** What stands between each parent and their shuffle. */
export const sides = [fromSide(LEFT), fromSide(RIGHT)] as const;

type Read<U> = (inputs: readonly Blocks[], partition: number) => Iterable<readonly U[]>;

/** @param rightValues false when only the keys of the right side matter, so that its values need not travel. */
function coPartitioned<U>(read: Read<U>, partitioner?: Partitioner, rightValues = true): Movement<Sided, U> {
  return {
    read,
    write(name, numPartitions) {
      const writer = new BlockWriter(numPartitions * SIDES);
      const waiting = Array.from({ length: numPartitions * SIDES }, () => ({ keys: [], values: [] }) as Columns);
      const flush = (block: number) => {
        const { keys, values } = waiting[block]!;
        if (keys.length === 0) return;
        writer.write(block, encodeColumns(keys, values, name));
        waiting[block] = { keys: [], values: [] };
      };
      return {
        push: ({ side, pair }) => {
          checkPair(pair, name);
          const block = targetOf(pair[0], numPartitions, partitioner, name) * SIDES + side;
          const { keys, values } = waiting[block]!;
          values.push(side === RIGHT && !rightValues ? null : pair[1]);
          if (keys.push(pair[0]) === VALUES_PER_SEGMENT) flush(block);
        },
        end: () => {
          for (const block of waiting.keys()) flush(block);
        },
        blocks: () => writer.finish(),
      };
    },
  };
}

interface Columns {
  readonly keys: unknown[];
  readonly values: unknown[];
}

/** The pairs of one side, in the order of the map tasks. */
function* columnsOf(inputs: readonly Blocks[], partition: number, side: Side): Generator<Columns> {
  for (const blocks of inputs) {
    for (const segment of segmentsOf(blocks, partition * SIDES + side)) yield decodeColumns(segment);
  }
}

/** For each key all values of either side: keys of the left side first, each in the order in which it was first seen. */
export const cogroup = <K, V, W>(partitioner?: Partitioner): Movement<Sided, [K, [V[], W[]]]> =>
  coPartitioned(function* (inputs, partition) {
    const groups = new KeyMap<[V[], W[]]>();
    for (const side of [LEFT, RIGHT] as const) {
      for (const { keys, values } of columnsOf(inputs, partition, side)) {
        for (let i = 0; i < keys.length; i++) {
          const entry = groups.find(keys[i]);
          const group = entry === undefined ? ([[], []] as [V[], W[]]) : entry.value;
          (group[side] as unknown[]).push(values[i]);
          if (entry === undefined) groups.add(keys[i], group);
        }
      }
    }
    const { entries } = groups;
    for (let start = 0; start < entries.length; start += VALUES_PER_SEGMENT) {
      yield entries.slice(start, start + VALUES_PER_SEGMENT).map(({ key, value }) => [key as K, value]);
    }
  }, partitioner);

/** Which pairs without a partner are kept. */
export interface Outer {
  readonly left: boolean;
  readonly right: boolean;
}

/**
 * Each pair of the left side, in its order, with each of the right side that has its key; then what of the right side found no
 * partner, equal keys together. The right side of one partition is held, the left side passes by, and a key's product is handed on in chunks.
 */
export const join = <K, V, W>(
  outer: Outer,
  partitioner?: Partitioner,
): Movement<Sided, [K, [V | undefined, W | undefined]]> =>
  coPartitioned(function* (inputs, partition) {
    const right = new KeyMap<{ readonly values: W[]; matched: boolean }>();
    for (const { keys, values } of columnsOf(inputs, partition, RIGHT)) {
      for (let i = 0; i < keys.length; i++) {
        const entry = right.find(keys[i]);
        if (entry === undefined) right.add(keys[i], { values: [values[i] as W], matched: false });
        else entry.value.values.push(values[i] as W);
      }
    }
    let joined: [K, [V | undefined, W | undefined]][] = [];
    for (const { keys, values } of columnsOf(inputs, partition, LEFT)) {
      for (let i = 0; i < keys.length; i++) {
        const key = keys[i] as K;
        const value = values[i] as V;
        const partners = right.find(key)?.value;
        if (partners === undefined) {
          if (outer.left) joined.push([key, [value, undefined]]);
        } else {
          partners.matched = true;
          for (const partner of partners.values) {
            joined.push([key, [value, partner]]);
            if (joined.length < VALUES_PER_SEGMENT) continue;
            yield joined;
            joined = [];
          }
        }
      }
      yield joined;
      joined = [];
    }
    if (!outer.right) return;
    for (const { key, value } of right.entries) {
      if (value.matched) continue;
      for (const partner of value.values) joined.push([key as K, [undefined, partner]]);
      if (joined.length < VALUES_PER_SEGMENT) continue;
      yield joined;
      joined = [];
    }
    yield joined;
  }, partitioner);

/** The pairs of the left side whose key the right side does not have. Spark: `subtractByKey`. */
export const subtractByKey = <K, V>(partitioner?: Partitioner): Movement<Sided, [K, V]> =>
  coPartitioned(
    function* (inputs, partition) {
      const gone = keysOf(inputs, partition);
      for (const { keys, values } of columnsOf(inputs, partition, LEFT)) {
        const kept: [K, V][] = [];
        for (let i = 0; i < keys.length; i++) {
          if (gone.find(keys[i]) === undefined) kept.push([keys[i] as K, values[i] as V]);
        }
        yield kept;
      }
    },
    partitioner,
    false,
  );

/** The keys that both sides have, each once. Behind Spark's `intersection`. */
export const commonKeys = <K>(partitioner?: Partitioner): Movement<Sided, K> =>
  coPartitioned(
    function* (inputs, partition) {
      const wanted = keysOf(inputs, partition);
      for (const { keys } of columnsOf(inputs, partition, LEFT)) {
        yield keys.filter((key) => {
          const entry = wanted.find(key);
          if (entry === undefined || entry.value.seen) return false;
          entry.value.seen = true;
          return true;
        }) as K[];
      }
    },
    partitioner,
    false,
  );

/** The keys of the right side. */
function keysOf(inputs: readonly Blocks[], partition: number): KeyMap<{ seen: boolean }> {
  const found = new KeyMap<{ seen: boolean }>();
  for (const { keys } of columnsOf(inputs, partition, RIGHT)) {
    for (const key of keys) if (found.find(key) === undefined) found.add(key, { seen: false });
  }
  return found;
}
