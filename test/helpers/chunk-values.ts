import type { Chunk } from "../../src/operators/receiver.ts";

/** What a chunk holds, as the loop over records takes it. */
export function* valuesOf<T>(chunk: Chunk<T>): Generator<T> {
  for (let index = 0; index < chunk.length; index++) yield chunk.at(index)!;
}
