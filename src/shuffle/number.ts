import { BlockWriter, segmentsOf } from "./block.ts";
import { decodeValues, encodeValues } from "./codec.ts";
import { type Movement, VALUES_PER_SEGMENT } from "./movement.ts";

/** Where a map task leaves how many values it had; the values of partition p are in block p + 1. */
const COUNT = 0;

/** Each value with its place in the whole. Values stay in their partition; each reader counts what is in those before. */
export const zipWithIndex = <T>(): Movement<T, [T, number]> => ({
  write(name, numPartitions, { partition }) {
    const writer = new BlockWriter(numPartitions + 1);
    let waiting: T[] = [];
    let count = 0;
    const flush = () => {
      if (waiting.length > 0) writer.write(partition + 1, encodeValues(waiting, name));
      waiting = [];
    };
    return {
      push: (value) => {
        count++;
        if (waiting.push(value) === VALUES_PER_SEGMENT) flush();
      },
      end: () => {
        flush();
        writer.write(COUNT, encodeValues([count], name));
      },
      blocks: () => writer.finish(),
    };
  },

  *read(inputs, partition) {
    let next = 0;
    for (const blocks of inputs.slice(0, partition)) {
      for (const segment of segmentsOf(blocks, COUNT)) next += decodeValues(segment)[0] as number;
    }
    for (const segment of inputs[partition] ? segmentsOf(inputs[partition], partition + 1) : []) {
      yield (decodeValues(segment) as T[]).map((value): [T, number] => [value, next++]);
    }
  },
});
