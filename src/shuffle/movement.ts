import type { TaskContext } from "../model/plan.ts";
import { failureOf, type OperatorName, type Receiver } from "../operators/receiver.ts";
import { type Blocks, BlockWriter, segmentsOf } from "./block.ts";
import { decodeValues, encodeValues } from "./codec.ts";
import { hashKey } from "./key.ts";

/** How records change task. The writing half runs at the end of one stage, the reading half at the start of the next. */
export interface Movement<in T = never, out U = unknown> {
  write(name: OperatorName, numPartitions: number, task: TaskContext): BlockReceiver<T>;
  /** What all map tasks wrote for `partition`, merged in the order of the map tasks. */
  read(inputs: readonly Blocks[], partition: number, name: OperatorName): Iterable<readonly U[]>;
}

export interface BlockReceiver<in T> extends Receiver<T> {
  blocks(): Blocks;
}

export type Partitioner = (key: never) => number;

/** Values that wait to be encoded together: few enough to stay small, many enough that the codec's fixed cost does not count. */
export const VALUES_PER_SEGMENT = 4096;

/** @throws the user's error, or a plain one when a partitioner gives no whole number. */
export function targetOf(
  key: unknown,
  numPartitions: number,
  partitioner: Partitioner | undefined,
  name: OperatorName,
): number {
  if (partitioner === undefined) return hashKey(key) % numPartitions;
  let target: number;
  try {
    target = partitioner(key as never);
    if (!Number.isSafeInteger(target))
      throw new TypeError(`The partitioner gave ${String(target)}, not a whole number.`);
  } catch (error) {
    throw failureOf(name, error);
  }
  return ((target % numPartitions) + numPartitions) % numPartitions;
}

/** Sends each value where `target` says, unchanged. */
function sendValues<T>(
  target: (value: T, numPartitions: number, name: OperatorName, task: TaskContext) => number,
): Movement<T, T> {
  return {
    write(name, numPartitions, task) {
      const writer = new BlockWriter(numPartitions);
      const waiting: T[][] = Array.from({ length: numPartitions }, () => []);
      const flush = (partition: number) => {
        if (waiting[partition]!.length === 0) return;
        writer.write(partition, encodeValues(waiting[partition]!, name));
        waiting[partition] = [];
      };
      return {
        push: (value) => {
          const partition = target(value, numPartitions, name, task);
          if (waiting[partition]!.push(value) === VALUES_PER_SEGMENT) flush(partition);
        },
        end: () => {
          for (const partition of waiting.keys()) flush(partition);
        },
        blocks: () => writer.finish(),
      };
    },
    *read(inputs, partition) {
      for (const blocks of inputs) {
        for (const segment of segmentsOf(blocks, partition)) yield decodeValues(segment) as T[];
      }
    },
  };
}

/** By key. */
export const partitionBy = <K>(partitioner?: Partitioner): Movement<readonly [K, unknown], readonly [K, unknown]> =>
  sendValues((pair, numPartitions, name) => {
    checkPair(pair, name);
    return targetOf(pair[0], numPartitions, partitioner, name);
  });

const GOLDEN_RATIO = (Math.sqrt(5) - 1) / 2;

/**
 * Evenly. Each task deals its values out in turn, from a partition that follows from its own number: so the result follows from the plan alone.
 * Multiples of the golden ratio spread where tasks begin, however many there are. Beginning side by side, tasks of few values would all
 * give to the same partitions and leave others empty.
 */
export const roundRobin = <T>(): Movement<T, T> => ({
  ...sendValues<T>(() => 0),
  write(name, numPartitions, task) {
    let turn = Math.floor(((task.partition * GOLDEN_RATIO) % 1) * numPartitions);
    return sendValues<T>(() => turn++ % numPartitions).write(name, numPartitions, task);
  },
});

/** Everything into one partition. */
export const gather = <T>(): Movement<T, T> => sendValues(() => 0);

/** Stays in its partition: how a cache keeps what it has. */
export const stay = <T>(): Movement<T, T> => sendValues((_value, _numPartitions, _name, task) => task.partition);

/** Types allow only pairs here; JavaScript and casts do not. */
export function checkPair(pair: unknown, name: OperatorName): void {
  if (Array.isArray(pair)) return;
  throw failureOf(name, new TypeError(`${name.split(" ", 1)[0]} works on pairs [key, value]; it got ${typeof pair}.`));
}
