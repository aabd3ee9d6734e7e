import { PartitionMap } from "../model/partition-map.ts";
import type { EpochBorder } from "../model/plan.ts";
import { compactedOf } from "./compacted-topics.ts";
import type { KafkaCluster } from "./connection/cluster.ts";
import type { EpochEnd } from "./connection/epoch-ends.ts";
import type { Place } from "./data-loss.ts";
import type { SelectedPartition } from "./topic-selection.ts";

/** How the log of a partition's leader relates to the log that was read, when that was of an earlier leader epoch. */
export interface ComparedLog {
  /** Up to where they are the same. */
  readonly commonEnd: number;
  /** Of the log as it is now. */
  readonly border: EpochBorder;
}

/**
 * Asks leaders about the epochs that places were read under, where theirs are later ones.
 *
 * A leader that does not know an epoch names the last one before it. If something was read that only later ones than that have written, it is not in
 * this log, though the log may be longer: an election has brought back what another one had cut off. Not so for a compacted topic: there a
 * replica may have been made anew when all that an epoch wrote was superseded.
 */
export async function compareLogs(
  cluster: KafkaCluster,
  places: readonly (SelectedPartition & { readonly place: Place; readonly epoch: number })[],
  signal: AbortSignal,
): Promise<PartitionMap<ComparedLog>> {
  const ends = await cluster.endsOfEpochs(places, signal);
  const suspected = places.filter(({ place }) => isWithout(place, ends.get(place)));
  const compacted = await compactedOf(cluster, [...new Set(suspected.map(({ topic }) => topic))], signal);
  return new PartitionMap(
    places.flatMap(({ place, epoch }): [Place, ComparedLog][] => {
      const end = ends.get(place);
      if (end === undefined) return [];
      const broughtBack = isWithout(place, end) && !compacted.has(place.topic);
      const commonEnd = broughtBack ? Math.min(end.offset, place.epochBorder!.offset) : end.offset;
      return [[place, { commonEnd, border: { epoch, offset: end.offset } }]];
    }),
  );
}

function isWithout({ epochBorder, offset }: Place, end: EpochEnd | undefined): boolean {
  if (epochBorder === undefined || end === undefined) return false;
  return offset > epochBorder.offset && end.epoch <= epochBorder.epoch;
}

/** Where the log of the leader of now begins to be its own. Of its first epoch that is all of it. */
export async function bordersOf(
  cluster: KafkaCluster,
  places: readonly Place[],
  signal: AbortSignal,
): Promise<PartitionMap<EpochBorder>> {
  const asked = places.flatMap((place) =>
    place.leaderEpoch === undefined || place.leaderEpoch === 0 ? [] : [{ ...place, epoch: place.leaderEpoch - 1 }],
  );
  const ends = await cluster.endsOfEpochs(asked, signal);
  return new PartitionMap(
    asked.flatMap((place): [Place, EpochBorder][] => {
      const end = ends.get(place);
      return end === undefined ? [] : [[place, { epoch: place.epoch, offset: end.offset }]];
    }),
  );
}
