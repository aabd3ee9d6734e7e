import type { StateEntry } from "./keyed-state.ts";
import { decodeState, encodeEntries, type StateIdentity } from "./state-codec.ts";

/** A state that gets another number of partitions. */
export interface Resharding {
  readonly identity: StateIdentity;
  readonly orderedByTouch: boolean;
  readonly numPartitions: number;
  /** The partition that a key belongs to from now on. */
  target(key: unknown): number;
}

/**
 * Deals a state out anew, and gives the snapshots of its new partitions one after the other. `partitions` are the old ones, each as it was written. As
 * objects there is one partition at a time; the others wait encoded.
 */
export async function* reshard(
  partitions: AsyncIterable<readonly Uint8Array[]>,
  { identity, orderedByTouch, numPartitions, target }: Resharding,
): AsyncGenerator<Uint8Array> {
  const pieces: Uint8Array[][] = Array.from({ length: numPartitions }, () => []);
  for await (const parts of partitions) {
    const entries = decodeState(parts, identity, orderedByTouch).entries();
    for (const [partition, some] of Map.groupBy(entries, ({ key }) => target(key))) {
      pieces[partition]!.push(encodeEntries(some, identity));
    }
  }
  for (const some of pieces) {
    const entries = decodeState(some, identity, orderedByTouch).entries();
    yield encodeEntries(orderedByTouch ? entries.toSorted(byTouch) : entries, identity);
  }
}

/** Each old partition has this order already: keys that were touched in the same batch keep theirs. */
const byTouch = (a: StateEntry<unknown, unknown>, b: StateEntry<unknown, unknown>) => a.touchedAt - b.touchedAt;
