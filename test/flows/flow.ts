import type { DStream, JobContext } from "millrace";
import type { NamedStreams } from "millrace/testing";

/** Each stream's values by batch. They travel as JSON, and take turns on three partitions. */
export interface Inputs {
  readonly [stream: string]: readonly (readonly unknown[])[];
}

/** A piece of a graph, what goes in, and what must come out, batch by batch. The order within a batch does not count. */
export interface Flow {
  readonly name: string;
  readonly inputs: Inputs;
  readonly expected: readonly (readonly unknown[])[];
  readonly build: (streams: { readonly [stream: string]: DStream<never> }, ssc: JobContext) => DStream<unknown>;
}

/** A {@link Flow}, typed by its inputs. */
export function flow<I extends Inputs, U>(
  name: string,
  inputs: I,
  build: (streams: NamedStreams<I>, ssc: JobContext) => DStream<U>,
  expected: readonly (readonly NoInfer<U>[])[],
): Flow {
  return { name, inputs, build: build as never, expected };
}
