import type { AbortedTransaction } from "./fetch.ts";
import type { RecordBatch } from "./record-batch.ts";

const ABORT = 0;

/**
 * Tells the records of transactions that were rolled back, for the batches of one response in order. The broker lists every such
 * transaction that overlaps what it sends, so nothing depends on the marker being in the same response.
 */
export class TransactionFilter {
  readonly #upcoming: AbortedTransaction[];
  readonly #rolledBack = new Set<number>();

  constructor(abortedTransactions: readonly AbortedTransaction[]) {
    this.#upcoming = abortedTransactions.toSorted((a, b) => b.firstOffset - a.firstOffset);
  }

  /** Whether this batch holds records for the reader. Call it for every batch, control batches too. */
  accepts(batch: RecordBatch, buffer: Buffer): boolean {
    for (let next = this.#upcoming.at(-1); next && next.firstOffset <= batch.lastOffset; next = this.#upcoming.at(-1)) {
      this.#rolledBack.add(next.producerId);
      this.#upcoming.pop();
    }
    if (batch.isControl) {
      if (isAbortMarker(batch, buffer)) this.#rolledBack.delete(batch.producerId);
      return false;
    }
    return !(batch.isTransactional && this.#rolledBack.has(batch.producerId));
  }
}

/**
 * A control batch holds one uncompressed record whose key is a version and a type. Compaction may leave an empty one: then nothing
 * of its transaction is left either.
 */
export function isAbortMarker(batch: RecordBatch, buffer: Buffer): boolean {
  if (batch.count === 0) return true;
  let position = batch.recordsStart;
  const skipVarint = () => {
    while (position < batch.end && buffer.readUInt8(position++) >= 0x80);
  };
  skipVarint(); // length
  position++; // attributes
  skipVarint(); // timestamp
  skipVarint(); // offset
  skipVarint(); // length of the key
  return position + 4 <= batch.end && buffer.readInt16BE(position + 2) === ABORT;
}
