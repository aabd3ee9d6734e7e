import type { Slice } from "../model/plan.ts";
import type { Chunk } from "../operators/receiver.ts";
import type { PlannedSlices, Source, SourcePlanner } from "./source.ts";

/** Sources without Kafka. The values are part of the graph, so every executor has them. */

/** `ssc.parallelize`: the same values whenever it is read. */
export class ValuesSource<T> implements Source<T> {
  readonly name: string;
  readonly offsets = false;
  readonly streaming = false;
  readonly fixedPartitions: number;
  readonly #partitions: readonly (readonly T[])[];

  constructor(name: string, values: Iterable<T>, numPartitions: number) {
    this.name = name;
    this.fixedPartitions = numPartitions;
    this.#partitions = deal([...values], numPartitions);
  }

  describe(): string {
    return `${this.name} ${this.#partitions.map(({ length }) => length)}`;
  }

  openPlanner(): SourcePlanner {
    const slices = this.#partitions.map((values, partition) => slice(this.name, partition, 0, values.length));
    return planner(() => ({ slices, records: slices.reduce((sum, s) => sum + s.untilOffset, 0), lag: 0 }));
  }

  async *read({ partition }: Slice): AsyncIterable<Chunk<T>> {
    yield this.#partitions[partition] ?? [];
  }

  async closeReader(): Promise<void> {}
}

/** `ssc.queueStream`: one list per batch, then the same values in each, or none. */
export class QueueSource<T> implements Source<T> {
  readonly name: string;
  readonly offsets = false;
  readonly streaming = true;
  readonly fixedPartitions: number;
  readonly #batches: readonly (readonly (readonly T[])[])[];
  readonly #rest: readonly (readonly T[])[];

  constructor(name: string, batches: readonly Iterable<T>[], numPartitions: number, rest: Iterable<T> = []) {
    this.name = name;
    this.fixedPartitions = numPartitions;
    this.#batches = Array.from(batches, (batch) => deal([...batch], numPartitions));
    this.#rest = deal([...rest], numPartitions);
  }

  describe(): string {
    return `${this.name} ${this.#batches.length} x ${this.fixedPartitions}`;
  }

  openPlanner(): SourcePlanner {
    let next = 0;
    const plan = () => {
      const sizes = (this.#batches[next] ?? this.#rest).map(({ length }) => length);
      return {
        slices: sizes.map((size, partition) => slice(this.name, partition, next, next + Math.min(1, size))),
        records: sizes.reduce((sum, size) => sum + size, 0),
        lag: Math.max(0, this.#batches.length - next - 1),
      };
    };
    return {
      ...planner(plan, () => {
        next++;
      }),
      awaitData: async (signal) => {
        if (plan().records + plan().lag === 0) await untilAborted(signal);
      },
    };
  }

  async *read({ partition, fromOffset }: Slice): AsyncIterable<Chunk<T>> {
    yield (this.#batches[fromOffset] ?? this.#rest)[partition] ?? [];
  }

  async closeReader(): Promise<void> {}
}

function planner(plan: () => PlannedSlices, complete: () => void = () => {}): SourcePlanner {
  return {
    open: async () => {},
    positions: () => [],
    plan: async () => plan(),
    awaitData: async () => {},
    complete,
    close: async () => {},
  };
}

function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const stop = () => reject(signal.reason);
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop, { once: true });
  });
}

function slice(name: string, partition: number, fromOffset: number, untilOffset: number): Slice {
  return { topic: name, partition, fromOffset, untilOffset };
}

/** Consecutive values into one partition, as evenly as whole values allow. Spark: `parallelize`. */
function deal<T>(values: readonly T[], numPartitions: number): T[][] {
  return Array.from({ length: numPartitions }, (_, p) =>
    values.slice(
      Math.floor((values.length * p) / numPartitions),
      Math.floor((values.length * (p + 1)) / numPartitions),
    ),
  );
}
