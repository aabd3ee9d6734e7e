import type { KafkaCluster } from "../connection/cluster.ts";
import { decompress } from "../reading/compression.ts";
import { PartitionFetcher } from "../reading/partition-fetcher.ts";
import { findBatches, type RecordBatch } from "../reading/record-batch.ts";
import { Standstill } from "../reading/standstill.ts";
import { isAbortMarker } from "../reading/transaction-filter.ts";
import { VarintReader } from "../reading/varint.ts";

const FETCH_BYTES = 1024 * 1024;

/**
 * The last committed value of each key in one partition of a compacted topic. Reads it once, and later only what came since.
 *
 * It reads to the end of the log, not to the last stable offset: a stranger's transaction that is open in the same partition holds that
 * offset back, and a note of ours behind it would be missed. So it decides by the markers itself which transactions count.
 */
export class TransactionNotes {
  readonly #cluster: KafkaCluster;
  readonly #partition: { readonly topic: string; readonly partition: number };
  readonly #committed = new Map<string, string>();
  /** By producer: what its open transaction has written. */
  readonly #open = new Map<number, Map<string, string>>();
  /** Another life of the topic knows nothing of what this one has. */
  #topicId: string | undefined;
  #nextOffset: number | undefined;
  #reading: Promise<unknown> = Promise.resolve();

  /** `cluster` must read uncommitted records too. */
  constructor(cluster: KafkaCluster, topic: string, partition: number) {
    this.#cluster = cluster;
    this.#partition = { topic, partition };
  }

  /** The last value that was committed before the call. */
  async read(key: string, signal: AbortSignal | undefined): Promise<string | undefined> {
    await this.#upToDate(signal);
    return this.#committed.get(key);
  }

  /** All that were committed before the call, by key; and the keys of transactions that are not decided, or whose decision is not seen here yet. */
  async all(signal: AbortSignal | undefined): Promise<{ committed: ReadonlyMap<string, string>; undecided: string[] }> {
    await this.#upToDate(signal);
    return {
      committed: this.#committed,
      undecided: [...this.#open.values()].flatMap((written) => [...written.keys()]),
    };
  }

  #upToDate(signal: AbortSignal | undefined): Promise<void> {
    const catchUp = () => this.#catchUp(signal);
    const reading = this.#reading.then(catchUp, catchUp);
    this.#reading = reading;
    return reading;
  }

  async #catchUp(signal: AbortSignal | undefined): Promise<void> {
    this.#nextOffset ??= (await this.#cluster.earliestOffsets([this.#partition], signal)).get(this.#partition)!;
    const untilOffset = (await this.#cluster.latestOffsets([this.#partition], signal)).get(this.#partition)!;
    const range = { ...this.#partition, fromOffset: this.#nextOffset, untilOffset };
    this.#topicId ??= (await this.#cluster.findLeader(this.#partition, signal))?.topicId;
    const fetcher = new PartitionFetcher(this.#cluster, { ...this.#partition, topicId: this.#topicId }, signal);
    let standstill = new Standstill(range, FETCH_BYTES, false, signal);
    while (this.#nextOffset < untilOffset) {
      const offset: number = this.#nextOffset;
      const fetched = await fetcher.fetch(offset, standstill.maxBytes);
      const { batches, nextOffset, cutOffBatchBytes } = findBatches(fetched, offset, range);
      if (nextOffset === offset) {
        if ((await standstill.next(fetched, cutOffBatchBytes, offset)) === "finished") return;
        continue;
      }
      for (const batch of batches) if (batch.lastOffset >= offset) this.#take(batch, fetched.buffer);
      this.#nextOffset = nextOffset;
      standstill = new Standstill(range, FETCH_BYTES, false, signal);
    }
  }

  #take(batch: RecordBatch, buffer: Buffer): void {
    if (batch.isControl) {
      const written = this.#open.get(batch.producerId);
      this.#open.delete(batch.producerId);
      if (written === undefined || isAbortMarker(batch, buffer)) return;
      for (const [key, value] of written) this.#committed.set(key, value);
      return;
    }
    let target = this.#committed;
    if (batch.isTransactional) {
      target = this.#open.get(batch.producerId) ?? new Map();
      this.#open.set(batch.producerId, target);
    }
    for (const [key, value] of recordsOf(batch, buffer)) target.set(key, value);
  }
}

/** Records that have a key and a value, as text. */
function* recordsOf(batch: RecordBatch, buffer: Buffer): Generator<[string, string]> {
  const stored = buffer.subarray(batch.recordsStart, batch.end);
  const bytes = batch.codec === 0 ? stored : Buffer.from(decompress(batch.codec, stored));
  const reader = new VarintReader(bytes, 0);
  for (let i = 0; i < batch.count; i++) {
    const length = reader.int();
    const end = reader.position + length;
    reader.position++;
    reader.long();
    reader.int();
    const key = text(bytes, reader);
    const value = text(bytes, reader);
    if (key !== null && value !== null) yield [key, value];
    reader.position = end;
  }
}

function text(bytes: Buffer, reader: VarintReader): string | null {
  const length = reader.int();
  if (length < 0) return null;
  const start = reader.position;
  reader.position += length;
  return bytes.toString("utf8", start, reader.position);
}
