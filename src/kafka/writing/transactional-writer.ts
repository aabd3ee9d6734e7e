import type { TopicPartition } from "../../model/offset-range.ts";
import { Backoff } from "../connection/backoff.ts";
import { type ClusterOptions, KafkaCluster } from "../connection/cluster.ts";
import { ErrorCodes, ProtocolError } from "../connection/protocol-error.ts";
import type { ResolvedKafkaParams } from "../kafka-params.ts";
import { BatchEncoder } from "./batch-encoder.ts";
import type { Compression } from "./compress.ts";
import { partitionOfKey } from "./murmur2.ts";
import { ensureNotesTopic } from "./notes-topic.ts";
import { OpenTransaction, type PartitionToWrite } from "./open-transaction.ts";
import { type EncodedPartition, OutgoingRecords } from "./outgoing-records.ts";
import { findCoordinator, TransactionCoordinator } from "./transaction-coordinator.ts";
import { brokenOff, finalFailure, triedForTooLong } from "./transaction-failure.ts";
import { TransactionNotes } from "./transaction-notes.ts";

const DEADLINE_MS = 60_000;

export interface TransactionalWriterOptions {
  readonly params: ResolvedKafkaParams;
  readonly topic: string;
  /** Compacted; keeps the note of each transactional.id. Never add partitions to it. */
  readonly notesTopic: string;
  readonly transactionTimeoutMs: number;
  readonly compression: Compression;
  /** Told when an answer is late, and when it has come. */
  readonly warn?: ClusterOptions["warn"];
}

export interface TransactionToCommit {
  readonly transactionalId: string;
  readonly signal?: AbortSignal | undefined;
  /** Given the last committed note: the next one, or undefined when there is nothing left to do. What it throws ends the commit. */
  decide(note: string | undefined): string | undefined;
  /** Called at most once, and only when there is something to do. */
  write(records: OutgoingRecords): Promise<void>;
}

interface Begun {
  readonly open: OpenTransaction;
  readonly note: string | undefined;
}

/** Another attempt was faster. */
const committedElsewhere = Symbol("committed elsewhere");

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
    const { params, warn } = options;
    const cluster = new KafkaCluster({ ...params, isolationLevel: "read_uncommitted" }, warn && { warn });
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
    const { transactionalId, signal } = transaction;
    const before = this.#turns.get(transactionalId) ?? Promise.resolve();
    const committing = before.then(() => this.#commit(transaction));
    const turn = overOrAborted(committing, signal);
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
      await this.commit({ transactionalId, decide, write: async () => {} });
    }
    return found;
  }

  async close(): Promise<void> {
    await this.#cluster.close();
  }

  async #commit(transaction: TransactionToCommit): Promise<boolean> {
    const { topic, compression } = this.#options;
    const { transactionalId, signal } = transaction;
    signal?.throwIfAborted();
    let begun = await this.#retry(signal, () => this.#begin(transaction));
    if (begun.note === undefined) return false;
    const [info] = await this.#cluster.topics([topic], signal);
    /** Something was sent and is no longer held. */
    let streaming = false;
    const records = new OutgoingRecords(info!.partitions.length, compression, async (held) => {
      const writes = held.map((partition) => ({ topic, ...partition }));
      if (streaming) return this.#sendMore(begun.open, writes, signal);
      begun = await this.#attempts(transaction, begun, async (current) => {
        if (current.note !== undefined) await current.open.send(writes);
        return current;
      });
      if (begun.note === undefined) throw committedElsewhere;
      streaming = true;
    });
    let rest: readonly EncodedPartition[];
    try {
      await transaction.write(records);
      rest = await records.rest();
    } catch (error) {
      await records.settled();
      if (error === committedElsewhere) return false;
      if (streaming) begun.open.abort();
      throw error;
    }
    const writes = [...rest.map((partition) => ({ topic, ...partition })), this.#noteFor(transactionalId, begun.note)];
    let commitSent = false;
    return await this.#attempts(transaction, begun, async ({ open, note }, failure) => {
      if (note === undefined) return commitSent;
      if (streaming && open !== begun.open) throw brokenOff(failure, topic);
      await open.send(writes);
      commitSent = true;
      await open.commit();
      return true;
    });
  }

  /** Tries until `work` succeeds. After any failure nobody knows what arrived: a new producer, and a new look at what was committed. */
  #attempts<R>(
    transaction: TransactionToCommit,
    begun: Begun,
    work: (begun: Begun, failure: unknown) => Promise<R>,
  ): Promise<R> {
    let given: Begun | undefined = begun;
    let failure: unknown;
    return this.#retry(transaction.signal, async () => {
      const current = given ?? (await this.#begin(transaction));
      given = undefined;
      try {
        return await work(current, failure);
      } catch (error) {
        failure = error;
        current.open.abort();
        throw error;
      }
    });
  }

  async #sendMore(open: OpenTransaction, writes: readonly PartitionToWrite[], signal: AbortSignal | undefined) {
    const { topic } = this.#options;
    try {
      await open.send(writes);
    } catch (error) {
      signal?.throwIfAborted();
      this.#forgetLeaders();
      throw finalFailure(error, topic) ?? brokenOff(error, topic);
    }
  }

  async #begin({ transactionalId, decide, signal }: TransactionToCommit): Promise<Begun> {
    const address = await findCoordinator(await this.#socket(this.#noteOf(transactionalId)), transactionalId);
    const coordinator = new TransactionCoordinator(transactionalId, await this.#cluster.produceSocket(address));
    const producer = await coordinator.begin(this.#options.transactionTimeoutMs);
    const known = await this.#notes[this.#noteOf(transactionalId).partition]!.read(transactionalId, signal);
    const open = new OpenTransaction(coordinator, producer, (place) => this.#socket(place), signal);
    return { open, note: decide(known) };
  }

  #noteFor(transactionalId: string, note: string): PartitionToWrite {
    const encoder = new BatchEncoder("none");
    encoder.add(Buffer.from(transactionalId), Buffer.from(note));
    return { ...this.#noteOf(transactionalId), batches: encoder.finish() };
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
    const { topic } = this.#options;
    const backoff = new Backoff(DEADLINE_MS, signal);
    for (;;) {
      try {
        return await attempt();
      } catch (error) {
        signal?.throwIfAborted();
        const final = finalFailure(error, topic);
        if (final !== undefined) throw final;
        if (backoff.expired) throw triedForTooLong(error, topic);
        this.#forgetLeaders();
      }
      await backoff.pause();
    }
  }

  #forgetLeaders(): void {
    const { topic, notesTopic } = this.#options;
    for (const name of [topic, notesTopic]) this.#cluster.forgetLeader({ topic: name, partition: 0 });
  }
}

/** An attempt that was given up may never end: nobody waits for it, and its producer is fenced by the next one. */
function overOrAborted(committing: Promise<unknown>, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((over) => {
    const done = () => {
      signal?.removeEventListener("abort", done);
      over();
    };
    signal?.addEventListener("abort", done, { once: true });
    committing.then(done, done);
  });
}
