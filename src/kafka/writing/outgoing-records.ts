import { BatchEncoder, type EncodedBatch } from "./batch-encoder.ts";
import type { Compression } from "./compress.ts";

/** So much is held before any of it is sent, and then, while as much is on its way. Before compression. */
export const HELD_BYTES_MAX = 8 * 1024 * 1024;

/** The batches of one partition, in order. */
export interface EncodedPartition {
  readonly partition: number;
  readonly batches: readonly EncodedBatch[];
}

/**
 * The records of one transaction on their way to the partitions of a topic: encoded as they come, and sent when too much is held. What fits is
 * not sent at all but left to `rest`, so that it can be sent more than once.
 */
export class OutgoingRecords {
  readonly numPartitions: number;
  readonly #compression: Compression;
  readonly #send: (held: readonly EncodedPartition[]) => Promise<void>;
  #encoders = new Map<number, BatchEncoder>();
  #heldBytes = 0;
  #sending: Promise<void> = Promise.resolve();

  constructor(
    numPartitions: number,
    compression: Compression,
    send: (held: readonly EncodedPartition[]) => Promise<void>,
  ) {
    this.numPartitions = numPartitions;
    this.#compression = compression;
    this.#send = send;
  }

  /** @returns what to wait for before more is added, if anything. Rejects with what `send` throws. */
  add(partition: number, key: Uint8Array | null, value: Uint8Array | null): Promise<void> | undefined {
    let encoder = this.#encoders.get(partition);
    if (encoder === undefined) {
      encoder = new BatchEncoder(this.#compression);
      this.#encoders.set(partition, encoder);
    }
    this.#heldBytes += encoder.add(key, value);
    return this.#heldBytes > HELD_BYTES_MAX ? this.#sendHeld() : undefined;
  }

  /** What was not sent; all else has arrived. */
  async rest(): Promise<readonly EncodedPartition[]> {
    await this.#sending;
    return this.#take();
  }

  /** Nothing is on its way any more. */
  async settled(): Promise<void> {
    await this.#sending.catch(() => undefined);
  }

  async #sendHeld(): Promise<void> {
    const held = this.#take();
    await this.#sending;
    this.#sending = this.#send(held);
    // Whoever waits next gets it.
    this.#sending.catch(() => undefined);
  }

  #take(): readonly EncodedPartition[] {
    const held = Array.from(this.#encoders, ([partition, encoder]) => ({ partition, batches: encoder.finish() }));
    this.#encoders = new Map();
    this.#heldBytes = 0;
    return held;
  }
}
