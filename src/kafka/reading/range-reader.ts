import type { DataLoss } from "../../model/events.ts";
import type { OffsetRange } from "../../model/offset-range.ts";
import type { EpochBorder } from "../../model/plan.ts";
import { interruptible } from "../connection/backoff.ts";
import type { KafkaCluster } from "../connection/cluster.ts";
import { decodeBatches } from "./decode-batches.ts";
import type { FetchedPartition } from "./fetch.ts";
import { LostRecords, replacedByLaterLeader } from "./offsets-lost.ts";
import { PartitionFetcher } from "./partition-fetcher.ts";
import { prepareChunk } from "./prepare-chunk.ts";
import { findBatches, type RecordBatch } from "./record-batch.ts";
import type { RecordChunk, RecordDecoders } from "./record-chunk.ts";
import { Standstill } from "./standstill.ts";

/** An offset range of one life of a topic. Without `topicId` the range is read from the topic as it is now. */
export interface RangeToRead extends OffsetRange {
  readonly topicId?: string | undefined;
  /** Of the leader that had the whole range. What a later one has written into it are other records. */
  readonly leaderEpoch?: number | undefined;
  /** In the log of that leader. */
  readonly epochBorder?: EpochBorder | undefined;
}

export interface ReadRangeOptions<K, V> {
  readonly decoders: RecordDecoders<K, V>;
  readonly signal?: AbortSignal | undefined;
  /** Told the size of each response as it arrives. */
  readonly onBytes?: ((bytes: number) => void) | undefined;
  /** Told of what is gone; the rest is read. Without it that is an error. */
  readonly onDataLoss?: ((loss: DataLoss) => void) | undefined;
}

/**
 * Exactly the records of a range, in order. The next response is on its way while one is decoded: at most two are held.
 * @throws CORRUPT_RECORD, OFFSETS_LOST, NO_LEADER, BROKER_UNREACHABLE, BROKER_REFUSED, the signal's reason
 */
export function readRange<K, V>(
  cluster: KafkaCluster,
  range: RangeToRead,
  options: ReadRangeOptions<K, V>,
): AsyncGenerator<RecordChunk<K, V>, void, void> {
  const fetcher = new PartitionFetcher(cluster, range, options.signal);
  const { maxPartitionFetchBytes, isolationLevel } = cluster.params;
  return readFetches((offset, maxBytes) => fetcher.fetch(offset, maxBytes), range, {
    ...options,
    maxBytes: maxPartitionFetchBytes,
    readCommitted: isolationLevel === "read_committed",
  });
}

/** Gives what a partition has from an offset on. Rejects with the signal's reason as soon as the reader's signal aborts. */
export type Fetch = (offset: number, maxBytes: number) => Promise<FetchedPartition>;

/** {@link readRange} over anything that fetches. */
export async function* readFetches<K, V>(
  fetch: Fetch,
  planned: RangeToRead,
  options: ReadRangeOptions<K, V> & { readonly maxBytes: number; readonly readCommitted: boolean },
): AsyncGenerator<RecordChunk<K, V>, void, void> {
  const { decoders, signal, onBytes, maxBytes, readCommitted } = options;
  const isPrepared = decoders.key.prepare !== undefined || decoders.value.prepare !== undefined;
  let range = planned;
  let standstill: Standstill | undefined;
  let offset = range.fromOffset;
  let inFlight: Promise<FetchedPartition> | undefined;
  while (offset < range.untilOffset) {
    signal?.throwIfAborted();
    let fetched: FetchedPartition;
    try {
      fetched = await (inFlight ?? fetch(offset, standstill?.maxBytes ?? maxBytes));
    } catch (error) {
      offset = behindLoss(error, range, offset, options);
      // A record batch that lost its first records still has them in what is fetched.
      range = { ...range, fromOffset: offset };
      standstill = undefined;
      continue;
    } finally {
      inFlight = undefined;
    }
    onBytes?.(fetched.buffer.length);
    const found = findBatches(fetched, offset, range);
    if (fetched.throttleTimeMs > 0) await interruptible(fetched.throttleTimeMs, signal);
    if (found.nextOffset === offset) {
      try {
        standstill ??= new Standstill(range, maxBytes, readCommitted, signal);
        if ((await standstill.next(fetched, found.cutOffBatchBytes, offset)) === "finished") return;
      } catch (error) {
        offset = behindLoss(error, range, offset, options);
      }
      continue;
    }
    const foreign = found.batches.findIndex((batch) => isOfAnotherLog(batch, range));
    const batches = foreign < 0 ? found.batches : found.batches.slice(0, foreign);
    const lostFrom = Math.max(offset, (batches.at(-1)?.lastOffset ?? -1) + 1);
    offset = foreign < 0 ? found.nextOffset : range.untilOffset;
    standstill = undefined;
    if (offset < range.untilOffset) {
      inFlight = fetch(offset, maxBytes);
      // When it fails while records are decoded, nobody waits for it yet; the await above will.
      inFlight.catch(() => undefined);
    }
    for (const chunk of decodeBatches(fetched, batches, range, decoders)) {
      if (isPrepared) await prepareChunk(chunk, decoders);
      yield chunk;
    }
    if (foreign >= 0) behindLoss(replacedByLaterLeader(range, lostFrom), range, lostFrom, options);
  }
}

/**
 * The leader that the range was planned by had the whole of it. So what a later leader has written into it was written after the log was
 * cut off, and so was all that follows; and what an earlier one had written behind the border was brought back.
 */
function isOfAnotherLog({ leaderEpoch, baseOffset }: RecordBatch, range: RangeToRead): boolean {
  const { epochBorder: border } = range;
  if (range.leaderEpoch === undefined || baseOffset >= range.untilOffset) return false;
  if (leaderEpoch > range.leaderEpoch) return true;
  return border !== undefined && leaderEpoch <= border.epoch && baseOffset >= border.offset;
}

/** Where to go on after an error that told of lost records; throws any other, and that one too when nobody is to be told. */
function behindLoss(
  error: unknown,
  { topic, partition, untilOffset }: OffsetRange,
  offset: number,
  { onDataLoss }: { readonly onDataLoss?: ((loss: DataLoss) => void) | undefined },
): number {
  if (!(error instanceof LostRecords) || onDataLoss === undefined) throw error;
  const next = Math.min(error.goOnAt ?? untilOffset, untilOffset);
  onDataLoss({ range: { topic, partition, fromOffset: offset, untilOffset: next }, reason: error.reason });
  return next;
}
