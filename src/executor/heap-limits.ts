import { availableParallelism } from "node:os";
import { setFlagsFromString } from "node:v8";
import type { ResourceLimits } from "node:worker_threads";

/**
 * MiB of V8's young generation: two halves that live objects are copied between, and as much again for big objects, so 16 MiB each.
 *
 * A thread whose heap is full is told to end, and given 16 MiB more until it notices; when one collection brings more than that into the old
 * generation, V8 ends the whole process. A collection can bring in all that lives in the young generation, which V8 by itself lets grow to
 * 192 MiB: then most full heaps ended the process. With 48, none of 170 did; 24 took a tenth more CPU for JSON and words, 48 takes none.
 */
const YOUNG_GENERATION_MIB = 48;

/** What V8 is told of an executor's heap, so that a full one ends its thread and not the process. */
export function heapLimits(memoryMiB: number | undefined): ResourceLimits {
  return {
    maxYoungGenerationSizeMb: YOUNG_GENERATION_MIB,
    ...(memoryMiB !== undefined && { maxOldGenerationSizeMb: memoryMiB }),
  };
}

/**
 * With an executor on each core, the helpers that V8 calls to a collection of young objects take their time from the other executors, and have
 * to be woken: a first pass over a topic was 5-8 % faster without, later ones the same. V8 knows this of a whole process only.
 */
export function collectWithoutHelpers(executors: number): void {
  if (executors >= availableParallelism()) setFlagsFromString("--no-parallel-scavenge");
}
