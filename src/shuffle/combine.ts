import { asyncFunction, failureOf, type OperatorName } from "../operators/receiver.ts";
import { type Blocks, BlockWriter, segmentsOf } from "./block.ts";
import { decodeColumns, encodeColumns } from "./codec.ts";
import { KeyMap } from "./key.ts";
import { checkPair, type Movement, type Partitioner, targetOf, VALUES_PER_SEGMENT } from "./movement.ts";

/** With more keys than this a map task sends what it has: combining again is the reader's work, and memory stays bounded. */
const KEYS_PER_FLUSH = 200_000;

export interface Combiner<V, C> {
  create(value: V): C;
  mergeValue(combined: C, value: V): C;
  mergeCombiners(a: C, b: C): C;
}

/** Combines by key before and after the values travel. Spark: `combineByKey`. */
export function combineByKey<K, V, C>(
  combiner: Combiner<V, C>,
  partitioner?: Partitioner,
): Movement<readonly [K, V], [K, C]> {
  const { create, mergeValue, mergeCombiners } = combiner;
  return {
    write(name, numPartitions) {
      const combined = new KeyMap<C>();
      const writer = new BlockWriter(numPartitions);
      const flush = () => {
        writeEntries(combined, writer, numPartitions, partitioner, name);
        combined.clear();
      };
      return {
        push: (pair) => {
          checkPair(pair, name);
          const key = pair[0];
          const entry = combined.find(key);
          let result: C;
          try {
            result = entry === undefined ? create(pair[1]) : mergeValue(entry.value, pair[1]);
          } catch (error) {
            throw failureOf(name, error);
          }
          if (result instanceof Promise) throw asyncFunction(name, result);
          if (entry !== undefined) entry.value = result;
          else {
            combined.add(key, result);
            if (combined.size === KEYS_PER_FLUSH) flush();
          }
        },
        end: flush,
        blocks: () => writer.finish(),
      };
    },

    read: (inputs, partition, name) => merge<K, C>(inputs, partition, name, mergeCombiners),
  };
}

/** All values of a key in one array, in the order of the map tasks. Nothing can be combined before they travel. */
export function groupByKey<K, V>(partitioner?: Partitioner): Movement<readonly [K, V], [K, V[]]> {
  const append = (group: V[], more: V[]) => {
    for (const value of more) group.push(value);
    return group;
  };
  return {
    read: (inputs, partition, name) => merge<K, V[]>(inputs, partition, name, append),
    write(name, numPartitions) {
      const writer = new BlockWriter(numPartitions);
      const groups = new KeyMap<V[]>();
      let waiting = 0;
      const flush = () => {
        writeEntries(groups, writer, numPartitions, partitioner, name);
        groups.clear();
        waiting = 0;
      };
      return {
        push: (pair) => {
          checkPair(pair, name);
          const entry = groups.find(pair[0]);
          if (entry === undefined) groups.add(pair[0], [pair[1]]);
          else entry.value.push(pair[1]);
          if (++waiting === KEYS_PER_FLUSH) flush();
        },
        end: flush,
        blocks: () => writer.finish(),
      };
    },
  };
}

function* merge<K, C>(
  inputs: readonly Blocks[],
  partition: number,
  name: OperatorName,
  mergeCombiners: (a: C, b: C) => C,
): Generator<[K, C][]> {
  const combined = new KeyMap<C>();
  for (const blocks of inputs) {
    for (const segment of segmentsOf(blocks, partition)) {
      const { keys, values } = decodeColumns(segment) as { keys: K[]; values: C[] };
      for (let i = 0; i < keys.length; i++) {
        const entry = combined.find(keys[i]);
        if (entry === undefined) {
          combined.add(keys[i], values[i] as C);
          continue;
        }
        try {
          entry.value = mergeCombiners(entry.value, values[i] as C);
        } catch (error) {
          throw failureOf(name, error);
        }
        if (entry.value instanceof Promise) throw asyncFunction(name, entry.value);
      }
    }
  }
  const { entries } = combined;
  for (let start = 0; start < entries.length; start += VALUES_PER_SEGMENT) {
    yield entries.slice(start, start + VALUES_PER_SEGMENT).map(({ key, value }): [K, C] => [key as K, value]);
  }
}

function writeEntries(
  combined: KeyMap<unknown>,
  writer: BlockWriter,
  numPartitions: number,
  partitioner: Partitioner | undefined,
  name: OperatorName,
): void {
  const keys: unknown[][] = Array.from({ length: numPartitions }, () => []);
  const values: unknown[][] = Array.from({ length: numPartitions }, () => []);
  for (const { key, value } of combined.entries) {
    const partition = targetOf(key, numPartitions, partitioner, name);
    keys[partition]!.push(key);
    values[partition]!.push(value);
  }
  for (const partition of keys.keys()) {
    if (keys[partition]!.length > 0) writer.write(partition, encodeColumns(keys[partition]!, values[partition]!, name));
  }
}
