import { MillraceError } from "../../model/errors.ts";
import type { TopicPartition } from "../../model/offset-range.ts";
import { Backoff, DeadlineError } from "../connection/backoff.ts";
import type { KafkaCluster } from "../connection/cluster.ts";
import { brokerUnreachable, noLeader, refusedByBroker, unexpectedCode } from "../connection/cluster-errors.ts";
import { ErrorCodes, ProtocolError, remedyFor } from "../connection/protocol-error.ts";
import { type FetchedPartition, fetchPartition } from "./fetch.ts";
import { offsetOutOfRange, topicDeleted, topicRecreated } from "./offsets-lost.ts";
import { corruptRecord } from "./record-batch.ts";

/** A broker that died is noticed by its cluster after 9 s by default; then a partition gets another leader. */
const DEADLINE_MS = 30_000;
/** Brokers learn at different moments that a topic is there, or gone. */
const TRIES_FOR_A_MISSING_TOPIC = 5;

/** Fetches from whoever leads a partition, through errors that pass. */
export class PartitionFetcher {
  readonly #cluster: KafkaCluster;
  readonly #partition: TopicPartition;
  readonly #signal: AbortSignal | undefined;
  /** The life of the topic that is read: as planned, or what the first answer says. */
  #topicId: string | undefined;
  /** Whether the last answer had another topic of that name. */
  #isAnother = false;

  constructor(
    cluster: KafkaCluster,
    partition: TopicPartition & { readonly topicId?: string | undefined },
    signal: AbortSignal | undefined,
  ) {
    this.#cluster = cluster;
    this.#partition = partition;
    this.#topicId = partition.topicId;
    this.#signal = signal;
  }

  /**
   * What the leader has from `offset` on, which may be nothing.
   * @throws OFFSETS_LOST, NO_LEADER, BROKER_UNREACHABLE, BROKER_REFUSED
   */
  async fetch(offset: number, partitionMaxBytes: number): Promise<FetchedPartition> {
    const backoff = new Backoff(DEADLINE_MS, this.#signal);
    let lastError: unknown;
    let missing = 0;
    do {
      try {
        const fetched = await backoff.within(this.#fetchOnce(offset, partitionMaxBytes));
        if (fetched.code === ErrorCodes.NONE) return fetched;
        throw new ProtocolError(fetched.code, `fetching offset ${offset} of ${this.#name}`);
      } catch (error) {
        this.#signal?.throwIfAborted();
        if (isMissing(error) && ++missing >= TRIES_FOR_A_MISSING_TOPIC) {
          throw this.#isAnother ? topicRecreated(this.#partition) : topicDeleted(this.#partition);
        }
        if (!isMissing(error)) await this.#throwUnlessCurable(error, offset);
        else this.#cluster.forgetLeader(this.#partition);
        if (lastError === undefined || !(error instanceof DeadlineError)) lastError = error;
      }
      await backoff.pause();
    } while (!backoff.expired);
    throw this.#afterDeadline(lastError);
  }

  async #fetchOnce(offset: number, partitionMaxBytes: number): Promise<FetchedPartition> {
    this.#isAnother = false;
    const leader = await this.#cluster.findLeader(this.#partition, this.#signal);
    if (leader === undefined)
      throw new ProtocolError(ErrorCodes.UNKNOWN_TOPIC_OR_PARTITION, `looking up ${this.#name}`);
    this.#topicId ??= leader.topicId;
    this.#isAnother = leader.topicId !== this.#topicId;
    // What we, or the broker that was asked, know may be older than the plan.
    if (this.#isAnother) throw new ProtocolError(ErrorCodes.INCONSISTENT_TOPIC_ID, `looking up ${this.#name}`);
    if (leader.address === undefined)
      throw new ProtocolError(ErrorCodes.LEADER_NOT_AVAILABLE, `looking up ${this.#name}`);
    const { fetchMaxBytes, fetchMaxWaitMs, isolationLevel } = this.#cluster.params;
    const socket = await this.#cluster.fetchSocket(leader.address);
    return await fetchPartition(socket, {
      topicId: this.#topicId,
      partition: this.#partition.partition,
      leaderEpoch: leader.leaderEpoch,
      offset,
      partitionMaxBytes,
      maxBytes: Math.max(fetchMaxBytes, partitionMaxBytes),
      maxWaitMs: fetchMaxWaitMs,
      readCommitted: isolationLevel === "read_committed",
    });
  }

  async #throwUnlessCurable(error: unknown, offset: number): Promise<void> {
    if (MillraceError.is(error)) throw error;
    const refused = refusedByBroker(error);
    if (refused !== undefined) throw refused;
    if (!(error instanceof ProtocolError)) {
      // The leader may be gone with its socket.
      this.#cluster.forgetLeader(this.#partition);
      return;
    }
    if (error.protocolCode === ErrorCodes.OFFSET_OUT_OF_RANGE) return await this.#throwIfLost(offset);
    if (error.protocolCode === ErrorCodes.CORRUPT_MESSAGE) {
      throw corruptRecord("the broker found a corrupt record batch in its own log", offset, this.#partition, error);
    }
    if (remedyFor(error.protocolCode) === "give up") throw unexpectedCode(error);
    if (remedyFor(error.protocolCode) !== "wait") this.#cluster.forgetLeader(this.#partition);
  }

  /** A leader that has just changed may say "out of range" about an offset that is there. */
  async #throwIfLost(offset: number): Promise<void> {
    this.#cluster.forgetLeader(this.#partition);
    const [earliest, latest] = await Promise.all([
      this.#cluster.earliestOffsets([this.#partition], this.#signal),
      this.#cluster.latestOffsets([this.#partition], this.#signal),
    ]);
    const [first, end] = [...earliest.values(), ...latest.values()];
    if (first !== undefined && end !== undefined && (offset < first || offset > end)) {
      throw offsetOutOfRange(this.#partition, offset, first, end);
    }
  }

  #afterDeadline(error: unknown): MillraceError {
    if (!(error instanceof ProtocolError)) return brokerUnreachable(this.#cluster.triedAddresses, DEADLINE_MS, error);
    const isLeaderless = error.protocolCode === ErrorCodes.LEADER_NOT_AVAILABLE;
    return isLeaderless ? noLeader(this.#partition, DEADLINE_MS) : unexpectedCode(error);
  }

  get #name(): string {
    return `${this.#partition.topic}-${this.#partition.partition}`;
  }
}

/** Of the topic, or of a partition that the broker that was asked does not know yet, or no longer. */
function isMissing(error: unknown): boolean {
  if (MillraceError.is(error, "TOPIC_NOT_FOUND")) return true;
  return error instanceof ProtocolError && remedyFor(error.protocolCode) === "look the topic up";
}
