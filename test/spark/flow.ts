import type { DStream, JobContext } from "millrace";

/** One of Spark's own tests: its streams, and what its batches must give. Batches that give nothing do not count, as in Spark. */
export interface SparkFlow {
  /** As in Spark's test file, without `test_`. */
  readonly name: string;
  readonly build: (ssc: JobContext, params: FlowParams) => DStream<unknown>;
  readonly expected: readonly (readonly unknown[])[];
}

export interface FlowParams {
  readonly directory: string;
}

export function flow<U>(
  name: string,
  build: (ssc: JobContext, params: FlowParams) => DStream<U>,
  expected: readonly (readonly NoInfer<U>[])[],
): SparkFlow {
  return { name, build, expected };
}

/** Python's `range(n)` or `range(from, until)`. */
export function range(until: number): number[];
export function range(from: number, until: number): number[];
export function range(first: number, until?: number): number[] {
  const from = until === undefined ? 0 : first;
  return Array.from({ length: (until ?? first) - from }, (_, i) => from + i);
}

/** A list of pairs, which an array literal would not be for the compiler. */
export const pairs = <K, V>(...list: [K, V][]): [K, V][] => list;
