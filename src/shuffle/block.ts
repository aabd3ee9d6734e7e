/** What a map task leaves for the tasks after it: one piece of shared memory, held by the driver until the batch ends. */

/** Encoded segments by target partition, in shared memory so that no executor's death takes them along. */
export interface Blocks {
  readonly memory: SharedArrayBuffer;
  /** Segment s is `memory[starts[s] .. starts[s + 1])`. */
  readonly starts: Int32Array;
  /** The segments of partition p are `first[p] .. first[p + 1]`. */
  readonly first: Int32Array;
}

/** Collects encoded segments per target partition. */
export class BlockWriter {
  readonly #segments: Buffer[][];

  constructor(numPartitions: number) {
    this.#segments = Array.from({ length: numPartitions }, () => []);
  }

  write(partition: number, segment: Buffer): void {
    this.#segments[partition]!.push(segment);
  }

  finish(): Blocks {
    const all = this.#segments.flat();
    const starts = new Int32Array(all.length + 1);
    for (const [s, segment] of all.entries()) starts[s + 1] = starts[s]! + segment.length;
    const first = new Int32Array(this.#segments.length + 1);
    for (const [p, segments] of this.#segments.entries()) first[p + 1] = first[p]! + segments.length;
    const memory = new SharedArrayBuffer(starts[all.length]!);
    const bytes = new Uint8Array(memory);
    for (const [s, segment] of all.entries()) bytes.set(segment, starts[s]);
    return { memory, starts, first };
  }
}

/** The segments of one target partition, in the order they were written. */
export function* segmentsOf(blocks: Blocks, partition: number): Generator<Uint8Array> {
  const last = blocks.first[partition + 1] ?? 0;
  for (let s = blocks.first[partition] ?? 0; s < last; s++) {
    yield new Uint8Array(blocks.memory, blocks.starts[s], blocks.starts[s + 1]! - blocks.starts[s]!);
  }
}
