import type { ResolvedKafkaParams } from "../kafka-params.ts";
import { askForMetadata, type MetadataAnswer } from "./ask-for-metadata.ts";
import { interruptible, orAborted } from "./backoff.ts";
import { type BrokerAddress, formatAddress } from "./broker-address.ts";
import type { BrokerSocket } from "./broker-socket.ts";
import { type BrokerConnections, refusalIn } from "./connections.ts";
import { ErrorCodes } from "./protocol-error.ts";

/** A topic and who leads its partitions, as one answer of a broker told it. */
export interface TopicInfo {
  readonly topic: string;
  /** A topic that is deleted and created again gets another one. */
  readonly topicId: string;
  /** In the order of their numbers. */
  readonly partitions: readonly PartitionInfo[];
}

export interface PartitionInfo {
  readonly partition: number;
  /** The leader's node id, -1 for none. */
  readonly leader: number;
  readonly leaderEpoch: number;
  /** How many brokers keep it. */
  readonly replicas: number;
}

/** What a broker says about one topic name. */
export type TopicAnswer =
  | { readonly code: 0; readonly info: TopicInfo }
  | { readonly code: number; readonly info?: undefined };

/** Asks brokers which topics there are and who leads them, and remembers the last answer. */
export class Metadata {
  readonly #params: ResolvedKafkaParams;
  readonly #connections: BrokerConnections;
  readonly #brokers = new Map<number, BrokerAddress>();
  readonly #topics = new Map<string, TopicInfo>();
  readonly #tried = new Set<string>();

  constructor(params: ResolvedKafkaParams, connections: BrokerConnections) {
    this.#params = params;
    this.#connections = connections;
  }

  /** Addresses that were asked, for the error that names them. */
  get tried(): readonly string[] {
    return [...this.#tried];
  }

  cached(topic: string): TopicInfo | undefined {
    return this.#topics.get(topic);
  }

  /** The next look at this topic asks a broker. */
  forget(topic: string): void {
    this.#topics.delete(topic);
  }

  address(nodeId: number): BrokerAddress | undefined {
    return this.#brokers.get(nodeId);
  }

  /** What one broker knows about these topics, or about all. One try at every known broker. */
  async ask(topics: readonly string[] | null, signal: AbortSignal | undefined): Promise<Map<string, TopicAnswer>> {
    const response = await this.askAnyBroker((socket) => inItsTime(askForMetadata(socket, topics)), signal);
    for (const { nodeId, host, port } of response.brokers) this.#brokers.set(nodeId, { host, port });
    const answers = new Map<string, TopicAnswer>();
    for (const topic of response.topics) {
      if (topic.name === "" || (topics === null && topic.isInternal)) continue;
      const answer = toAnswer(topic);
      if (answer.info === undefined) this.#topics.delete(topic.name);
      else this.#topics.set(topic.name, answer.info);
      answers.set(topic.name, answer);
    }
    return answers;
  }

  /** What the first broker answers that does. One try at every known one. */
  async askAnyBroker<T>(ask: (socket: BrokerSocket) => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
    let lastError: unknown;
    for (const address of this.#candidates()) {
      signal?.throwIfAborted();
      this.#tried.add(formatAddress(address));
      try {
        return await orAborted(this.#connections.socket(address, "control").then(ask), signal);
      } catch (error) {
        signal?.throwIfAborted();
        if (refusalIn(error) !== undefined) throw error;
        lastError = error;
      }
    }
    throw lastError;
  }

  /** The brokers that were given come last: once in touch, the cluster's own addresses are fresher. */
  #candidates(): Iterable<BrokerAddress> {
    const all = [...this.#brokers.values(), ...this.#params.bootstrap];
    return new Map(all.map((address) => [formatAddress(address), address])).values();
  }
}

async function inItsTime(asking: Promise<MetadataAnswer>): Promise<MetadataAnswer> {
  const answer = await asking;
  if (answer.throttleTimeMs > 0) await interruptible(answer.throttleTimeMs, undefined);
  return answer;
}

function toAnswer(topic: MetadataAnswer["topics"][number]): TopicAnswer {
  if (topic.code !== ErrorCodes.NONE) return { code: topic.code };
  const partitions = topic.partitions.toSorted((a, b) => a.partition - b.partition);
  return { code: 0, info: { topic: topic.name, topicId: topic.topicId, partitions } };
}
