import type { TopicPartition } from "../../model/offset-range.ts";
import { Backoff } from "../connection/backoff.ts";
import { KafkaCluster } from "../connection/cluster.ts";
import { ErrorCodes, ProtocolError } from "../connection/protocol-error.ts";
import type { ResolvedKafkaParams } from "../kafka-params.ts";
import { BatchEncoder, type EncodedBatch, type ProducerIdentity, signBatch } from "./batch-encoder.ts";
import { partitionOfKey } from "./murmur2.ts";
import { ensureNotesTopic } from "./notes-topic.ts";
import { produceBatch } from "./produce.ts";
import { findCoordinator, TransactionCoordinator } from "./transaction-coordinator.ts";
import { finalFailure, triedForTooLong } from "./transaction-failure.ts";
import { TransactionNotes } from "./transaction-notes.ts";

const DEADLINE_MS = 60_000;

export interface TransactionalWriterOptions {
  readonly params: ResolvedKafkaParams;
  readonly topic: string;
  /** Compacted; keeps the note of each transactional.id. Never add partitions to it. */
  readonly notesTopic: string;
  readonly transactionTimeoutMs: number;
}

/** The batches of one partition of the topic. */
export interface PartitionToWrite {
  readonly partition: number;
  readonly batches: readonly EncodedBatch[];
}

export interface TransactionToCommit {
  readonly transactionalId: string;
  readonly signal?: AbortSignal | undefined;
  /** Given the last committed note: the next one, or undefined when there is nothing left to do. What it throws ends the commit. */
  decide(note: string | undefined): string | undefined;
  /** Called at most once, and only when there is something to do. */
  write(numPartitions: number): Promise<readonly PartitionToWrite[]>;
}

interface Begun {
  readonly coordinator: TransactionCoordinator;
  readonly producer: ProducerIdentity;
  readonly note: string | undefined;
}

/**
 * Writes to a topic in transactions that carry a note about themselves, so that whoever comes later knows what was committed: also when
 * the answer of a commit was lost.
 */
export class TransactionalWriter {
  readonly #options: TransactionalWriterOptions;
  readonly #cluster: KafkaCluster;
  readonly #notes: readonly TransactionNotes[];
  /** By transactional.id: two of this process would fence each other again and again. */
  readonly #turns = new Map<string, Promise<unknown>>();

  private constructor(options: TransactionalWriterOptions, cluster: KafkaCluster, numNotesPartitions: number) {
    this.#options = options;
    this.#cluster = cluster;
    this.#notes = Array.from(
      { length: numNotesPartitions },
      (_, partition) => new TransactionNotes(cluster, options.notesTopic, partition),
    );
  }

  /** @throws TOPIC_NOT_FOUND, BROKER_UNREACHABLE, BROKER_REFUSED */
  static async open(options: TransactionalWriterOptions): Promise<TransactionalWriter> {
    const cluster = new KafkaCluster({ ...options.params, isolationLevel: "read_uncommitted" });
    try {
      const [about] = await cluster.topics([options.topic]);
      const notes = await ensureNotesTopic(cluster, options.notesTopic, about!);
      return new TransactionalWriter(options, cluster, notes.partitions.length);
    } catch (error) {
      await cluster.close();
      throw error;
    }
  }

  /**
   * Commits once, whatever happens on the way. @returns false when it was committed before.
   * @throws SINK_FAILED, BROKER_REFUSED, what `decide` and `write` throw, the signal's reason
   */
  async commit(transaction: TransactionToCommit): Promise<boolean> {
    const { transactionalId } = transaction;
    const before = this.#turns.get(transactionalId);
    const committing = (before ?? Promise.resolve()).then(() => this.#commit(transaction));
    const turn = committing.catch(() => undefined);
    this.#turns.set(transactionalId, turn);
    try {
      return await committing;
    } finally {
      if (this.#turns.get(transactionalId) === turn) this.#turns.delete(transactionalId);
    }
  }

  /**
   * The notes of all transactional.ids that begin so. One whose transaction is still open, or whose decision has not reached the notes yet, is
   * settled first, as by its next writer: an open one is aborted.
   * @throws SINK_FAILED, BROKER_REFUSED
   */
  async notes(prefix: string): Promise<ReadonlyMap<string, string>> {
    const found = new Map<string, string>();
    const all = await this.#retry(undefined, () => Promise.all(this.#notes.map((notes) => notes.all(undefined))));
    for (const { committed } of all) for (const [id, note] of committed) if (id.startsWith(prefix)) found.set(id, note);
    for (const transactionalId of new Set(all.flatMap(({ undecided }) => undecided))) {
      if (!transactionalId.startsWith(prefix)) continue;
      const decide = (note: string | undefined) => {
        if (note !== undefined) found.set(transactionalId, note);
        return undefined;
      };
      await this.commit({ transactionalId, decide, write: async () => [] });
    }
    return found;
  }

  async close(): Promise<void> {
    await this.#cluster.close();
  }

  async #commit(transaction: TransactionToCommit): Promise<boolean> {
    const { signal } = transaction;
    let begun: Begun | undefined = await this.#retry(signal, () => this.#begin(transaction));
    if (begun.note === undefined) return false;
    const [info] = await this.#cluster.topics([this.#options.topic], signal);
    const output = await transaction.write(info!.partitions.length);
    let commitSent = false;
    return await this.#retry(signal, async () => {
      // After any failure nobody knows what arrived: a new producer, and a new look at what was committed.
      const { coordinator, producer, note } = begun ?? (await this.#begin(transaction));
      begun = undefined;
      if (note === undefined) return commitSent;
      try {
        await this.#send(transaction.transactionalId, coordinator, producer, output, note);
        commitSent = true;
        await coordinator.end(producer, "commit");
      } catch (error) {
        // So that readers need not wait for the time-out; nothing depends on it.
        coordinator.end(producer, "abort").catch(() => undefined);
        throw error;
      }
      return true;
    });
  }

  async #begin({ transactionalId, decide, signal }: TransactionToCommit): Promise<Begun> {
    const address = await findCoordinator(await this.#socket(this.#noteOf(transactionalId)), transactionalId);
    const coordinator = new TransactionCoordinator(transactionalId, await this.#cluster.produceSocket(address));
    const producer = await coordinator.begin(this.#options.transactionTimeoutMs);
    const known = await this.#notes[this.#noteOf(transactionalId).partition]!.read(transactionalId, signal);
    return { coordinator, producer, note: decide(known) };
  }

  async #send(
    transactionalId: string,
    coordinator: TransactionCoordinator,
    producer: ProducerIdentity,
    output: readonly PartitionToWrite[],
    note: string,
  ): Promise<void> {
    const { topic, notesTopic } = this.#options;
    const noted = this.#noteOf(transactionalId);
    await coordinator.addPartitions(producer, [
      ...(output.length === 0 ? [] : [{ name: topic, partitions: output.map(({ partition }) => partition) }]),
      { name: notesTopic, partitions: [noted.partition] },
    ]);
    const encoder = new BatchEncoder("none");
    encoder.add(Buffer.from(transactionalId), Buffer.from(note));
    const writes = [
      ...output.map(({ partition, batches }) => ({ place: { topic, partition }, batches })),
      { place: noted, batches: encoder.finish() },
    ];
    // All are waited for: a late one of a failed attempt must not be under way when the next begins.
    const results = await Promise.allSettled(
      writes.map(async ({ place, batches }) => {
        const socket = await this.#socket(place);
        let sequence = 0;
        for (const batch of batches) {
          await produceBatch(socket, transactionalId, place, signBatch(batch, producer, sequence));
          sequence += batch.count;
        }
      }),
    );
    for (const result of results) if (result.status === "rejected") throw result.reason;
  }

  #noteOf(transactionalId: string): TopicPartition {
    const partition = partitionOfKey(Buffer.from(transactionalId), this.#notes.length);
    return { topic: this.#options.notesTopic, partition };
  }

  /** To the leader of a partition. */
  async #socket(place: TopicPartition) {
    const leader = await this.#cluster.findLeader(place);
    if (leader?.address === undefined) {
      throw new ProtocolError(ErrorCodes.LEADER_NOT_AVAILABLE, `looking up ${place.topic}-${place.partition}`);
    }
    return await this.#cluster.produceSocket(leader.address);
  }

  async #retry<R>(signal: AbortSignal | undefined, attempt: () => Promise<R>): Promise<R> {
    const { topic, notesTopic } = this.#options;
    const backoff = new Backoff(DEADLINE_MS, signal);
    for (;;) {
      try {
        return await attempt();
      } catch (error) {
        signal?.throwIfAborted();
        const final = finalFailure(error, topic);
        if (final !== undefined) throw final;
        if (backoff.expired) throw triedForTooLong(error, topic);
        for (const name of [topic, notesTopic]) this.#cluster.forgetLeader({ topic: name, partition: 0 });
      }
      await backoff.pause();
    }
  }
}
