import type { MillraceError } from "../../model/errors.ts";
import type { OffsetRange } from "../../model/offset-range.ts";
import { Backoff } from "../connection/backoff.ts";
import type { FetchedPartition } from "./fetch.ts";
import { endsTooEarly } from "./offsets-lost.ts";
import { corruptRecord } from "./record-batch.ts";

/** How long a range may stand still although its partition has a leader. */
const STANDSTILL_MS = 30_000;
const TRIES_FOR_A_CUT_OFF_BATCH = 4;
const TIMES_CONFIRMED = 2;
const MOST_BYTES = 2 ** 31 - 1;

/** What a reader does when a fetch brought no whole batch. */
export class Standstill {
  readonly #range: OffsetRange;
  readonly #readCommitted: boolean;
  readonly #backoff: Backoff;
  #maxBytes: number;
  #cutOff = 0;
  #confirmedEmpty = 0;

  constructor(range: OffsetRange, maxBytes: number, readCommitted: boolean, signal: AbortSignal | undefined) {
    this.#range = range;
    this.#maxBytes = maxBytes;
    this.#readCommitted = readCommitted;
    this.#backoff = new Backoff(STANDSTILL_MS, signal);
  }

  /** How much to ask for: more than usual after a batch that was cut off. */
  get maxBytes(): number {
    return this.#maxBytes;
  }

  /**
   * Waits before the next try where that can help. "finished" when the broker says again and again that there is nothing left up to
   * the end of the range: compaction and retention may have taken its last records.
   */
  async next(fetched: FetchedPartition, cutOffBatchBytes: number, offset: number): Promise<"try again" | "finished"> {
    if (cutOffBatchBytes > 0) {
      if (++this.#cutOff >= TRIES_FOR_A_CUT_OFF_BATCH) throw this.#noProgress(cutOffBatchBytes, offset);
      this.#maxBytes = Math.min(MOST_BYTES, Math.max(cutOffBatchBytes, this.#maxBytes * 2));
      return "try again";
    }
    // A broker that throttles answers with nothing, which says nothing about the log.
    if (fetched.throttleTimeMs > 0) return "try again";
    const end = this.#readCommitted ? fetched.lastStableOffset : fetched.highWatermark;
    if (end >= this.#range.untilOffset && ++this.#confirmedEmpty >= TIMES_CONFIRMED) return "finished";
    if (this.#backoff.expired) throw endsTooEarly(this.#range, offset, end);
    await this.#backoff.pause();
    return "try again";
  }

  #noProgress(cutOffBatchBytes: number, offset: number): MillraceError {
    const what = `the record batch, ${cutOffBatchBytes} bytes by its header, stays cut off however much is fetched`;
    return corruptRecord(what, offset, this.#range);
  }
}
