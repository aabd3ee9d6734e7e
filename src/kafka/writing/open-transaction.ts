import type { TopicPartition } from "../../model/offset-range.ts";
import type { BrokerSocket } from "../connection/broker-socket.ts";
import { partitionKey } from "../connection/cluster.ts";
import { type EncodedBatch, type ProducerIdentity, signBatch } from "./batch-encoder.ts";
import { produceBatch } from "./produce.ts";
import type { TransactionCoordinator } from "./transaction-coordinator.ts";

/** Batches for one partition, in order. */
export interface PartitionToWrite extends TopicPartition {
  readonly batches: readonly EncodedBatch[];
}

/** What one producer writes between a begin and an end. After its signal nothing more is sent: another attempt may have begun. */
export class OpenTransaction {
  readonly #coordinator: TransactionCoordinator;
  readonly #producer: ProducerIdentity;
  readonly #leader: (place: TopicPartition) => Promise<BrokerSocket>;
  readonly #signal: AbortSignal | undefined;
  /** Of the records written so far, by partition: a partition that is here was added to the transaction. */
  readonly #sequences = new Map<string, number>();

  constructor(
    coordinator: TransactionCoordinator,
    producer: ProducerIdentity,
    leader: (place: TopicPartition) => Promise<BrokerSocket>,
    signal: AbortSignal | undefined,
  ) {
    this.#coordinator = coordinator;
    this.#producer = producer;
    this.#leader = leader;
    this.#signal = signal;
  }

  /** Returns when all replicas that are in sync have it. */
  async send(writes: readonly PartitionToWrite[]): Promise<void> {
    this.#signal?.throwIfAborted();
    await this.#add(writes);
    // All are waited for: a late one of a failed attempt must not be under way when the next begins.
    const results = await Promise.allSettled(writes.map((write) => this.#write(write)));
    for (const result of results) if (result.status === "rejected") throw result.reason;
  }

  async commit(): Promise<void> {
    this.#signal?.throwIfAborted();
    await this.#coordinator.end(this.#producer, "commit");
  }

  /** So that readers need not wait for the time-out; nothing depends on it. */
  abort(): void {
    this.#coordinator.end(this.#producer, "abort").catch(() => undefined);
  }

  async #add(writes: readonly PartitionToWrite[]): Promise<void> {
    const added = writes.filter((write) => !this.#sequences.has(partitionKey(write)));
    if (added.length === 0) return;
    const byTopic = Map.groupBy(added, ({ topic }) => topic);
    const topics = Array.from(byTopic, ([name, of]) => ({ name, partitions: of.map(({ partition }) => partition) }));
    await this.#coordinator.addPartitions(this.#producer, topics);
    for (const write of added) this.#sequences.set(partitionKey(write), 0);
  }

  async #write({ batches, ...place }: PartitionToWrite): Promise<void> {
    const socket = await this.#leader(place);
    const key = partitionKey(place);
    for (const batch of batches) {
      this.#signal?.throwIfAborted();
      const sequence = this.#sequences.get(key)!;
      await produceBatch(socket, this.#coordinator.transactionalId, place, signBatch(batch, this.#producer, sequence));
      this.#sequences.set(key, sequence + batch.count);
    }
  }
}
