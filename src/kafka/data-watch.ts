import { Backoff, orAborted } from "./connection/backoff.ts";
import { type BrokerAddress, formatAddress } from "./connection/broker-address.ts";
import type { KafkaCluster } from "./connection/cluster.ts";
import { ErrorCodes } from "./connection/protocol-error.ts";
import { fetchEnds } from "./reading/fetch.ts";
import type { SelectedPartition } from "./topic-selection.ts";

export interface StreamPosition extends SelectedPartition {
  readonly offset: number;
}

type Answer = { readonly ends: ReadonlyMap<string, number> } | "failed";

/**
 * Learns that there is something to read as soon as there is. At each leader a fetch waits from where the stream stands, and the broker
 * answers it when a record comes (under read_committed: when a transaction ends), or empty after `fetch.max.wait.ms`. What it brings is
 * thrown away: the batch reads it in its own time. So an idle stream costs two requests a second for each broker, and no timer.
 */
export class DataWatch {
  readonly #cluster: KafkaCluster;
  /** By broker: the fetch that waits there. It may be left over from an earlier wait; a broker takes one after the other. */
  readonly #waiting = new Map<string, Promise<Answer>>();

  constructor(cluster: KafkaCluster) {
    this.#cluster = cluster;
  }

  /**
   * Resolves when a partition has something at its position, or when that cannot be known: whoever plans then, finds out what is wrong, and
   * has the time and the words for it. Rejects with the signal's reason.
   */
  async untilData(positions: readonly StreamPosition[], signal: AbortSignal): Promise<void> {
    try {
      const { questions, leaderless } = await this.#cluster.groupByLeader(positions, signal);
      while (leaderless === undefined) {
        const answers = questions.map(([address, asked]) => this.#ask(address, asked));
        const answer = await orAborted(Promise.race(answers), signal);
        if (answer === "failed") break;
        if (positions.some((position) => (answer.ends.get(keyOf(position)) ?? 0) > position.offset)) return;
      }
    } catch {
      signal.throwIfAborted();
    }
    await new Backoff(Number.POSITIVE_INFINITY, signal).pause();
  }

  #ask(address: BrokerAddress, positions: readonly (StreamPosition & { leaderEpoch: number })[]): Promise<Answer> {
    const broker = formatAddress(address);
    const waiting = this.#waiting.get(broker);
    if (waiting !== undefined) return waiting;
    const answer = this.#fetch(address, positions)
      .catch((): Answer => "failed")
      .finally(() => this.#waiting.delete(broker));
    this.#waiting.set(broker, answer);
    return answer;
  }

  async #fetch(
    address: BrokerAddress,
    positions: readonly (StreamPosition & { leaderEpoch: number })[],
  ): Promise<Answer> {
    const { fetchMaxWaitMs, isolationLevel } = this.#cluster.params;
    const readCommitted = isolationLevel === "read_committed";
    const socket = await this.#cluster.fetchSocket(address);
    const limits = { maxBytes: 1, maxWaitMs: fetchMaxWaitMs, readCommitted };
    const ends = new Map<string, number>();
    for (const { code, end, ...where } of await fetchEnds(socket, limits, positions)) {
      if (code !== ErrorCodes.NONE) return "failed";
      ends.set(keyOf(where), end);
    }
    return { ends };
  }
}

function keyOf({ topicId, partition }: { topicId: string; partition: number }): string {
  return `${topicId}-${partition}`;
}
