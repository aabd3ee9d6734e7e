import type { MillraceError } from "../../model/errors.ts";
import type { TopicPartition } from "../../model/offset-range.ts";
import { PartitionMap } from "../../model/partition-map.ts";
import type { ResolvedKafkaParams } from "../kafka-params.ts";
import { matches } from "../subscription.ts";
import type { BrokerAddress } from "./broker-address.ts";
import type { BrokerSocket } from "./broker-socket.ts";
import { brokerUnreachable, noLeader, partitionNotFound, topicNotFound, unexpectedCode } from "./cluster-errors.ts";
import { BrokerConnections } from "./connections.ts";
import { type EpochEnd, epochEnds } from "./epoch-ends.ts";
import { EARLIEST, LATEST, listOffsets, type OffsetAnswer, type OffsetQuestion } from "./list-offsets.ts";
import { Metadata, type PartitionInfo, type TopicInfo } from "./metadata.ts";
import { ErrorCodes, ProtocolError } from "./protocol-error.ts";
import { type TopicConfig, topicConfigs } from "./topic-configs.ts";
import { tryUntilDeadline } from "./try-until-deadline.ts";
import { WaitingNotice } from "./waiting-notice.ts";

export type { PartitionInfo, TopicInfo } from "./metadata.ts";

/** Until the first answer about offsets: more likely an address is wrong than all brokers are down. */
const DEADLINE_MS = 10_000;
/** Afterwards: brokers that restart are waited for. */
const PATIENCE_MS = 60_000;
/** A topic that was just created is not known to every broker at once. */
const TRIES_FOR_A_MISSING_TOPIC = 4;

/** The name of a partition. */
export function partitionKey({ topic, partition }: TopicPartition): string {
  return `${topic}-${partition}`;
}

/** How far a partition can be read. */
export interface PartitionEnd {
  /** Of the next record; under read_committed the last stable offset. */
  readonly offset: number;
  /** Of the leader that said so; undefined when it names none. */
  readonly leaderEpoch: number | undefined;
}

/** Who leads a partition, and the life of its topic. */
export interface Leader {
  readonly address: BrokerAddress;
  readonly leaderEpoch: number;
  readonly topicId: string;
}

export interface ClusterOptions {
  /** How long it is tried to get an answer, until the first one about offsets has come. */
  readonly deadlineMs?: number;
  /** The same afterwards. */
  readonly patienceMs?: number;
  /** Told when an answer is late, and when it has come. */
  readonly warn?: (fields: object, message: string) => void;
}

/** A Kafka cluster: its topics, leaders and offsets, with retries until a deadline. Fetching has its own sockets. */
export class KafkaCluster implements AsyncDisposable {
  readonly params: ResolvedKafkaParams;
  readonly #patienceMs: number;
  #deadlineMs: number;
  readonly #connections: BrokerConnections;
  readonly #metadata: Metadata;
  readonly #notice: WaitingNotice;

  constructor(
    params: ResolvedKafkaParams,
    { deadlineMs = DEADLINE_MS, patienceMs = PATIENCE_MS, warn }: ClusterOptions = {},
  ) {
    this.params = params;
    this.#deadlineMs = deadlineMs;
    this.#patienceMs = patienceMs;
    this.#notice = new WaitingNotice(warn, () => this.triedAddresses);
    this.#connections = new BrokerConnections(params);
    this.#metadata = new Metadata(params, this.#connections);
  }

  /**
   * The topics of these names, or all that match, in the order of their names. Always asks a broker.
   * @throws TOPIC_NOT_FOUND for a name that does not exist; a pattern may match nothing.
   */
  async topics(selection: readonly string[] | RegExp, signal?: AbortSignal): Promise<TopicInfo[]> {
    if (selection instanceof RegExp) return await this.existingTopics(selection, [], signal);
    return byName(await this.#knowTopics([...new Set(selection)], signal));
  }

  /**
   * Those of the topics that exist: of these names, or all that match and, matching or not, the `known` ones. A topic that an answer
   * leaves out although it was known is asked for again before it counts as gone: brokers learn of changes at different moments.
   */
  async existingTopics(
    selection: readonly string[] | RegExp,
    known: readonly string[],
    signal?: AbortSignal,
  ): Promise<TopicInfo[]> {
    const names = selection instanceof RegExp ? await this.#matchingNames(selection, signal) : selection;
    return byName(await this.#knowTopics([...new Set([...names, ...known])], signal, new Set(known)));
  }

  /** The first offset that is still there, for each partition. */
  earliestOffsets(partitions: readonly TopicPartition[], signal?: AbortSignal): Promise<PartitionMap<number>> {
    return this.#offsets(partitions, EARLIEST, signal);
  }

  /** The offset of the next record; under read_committed the last stable offset. */
  latestOffsets(partitions: readonly TopicPartition[], signal?: AbortSignal): Promise<PartitionMap<number>> {
    return this.#offsets(partitions, LATEST, signal);
  }

  /** The same, with the epoch of the leader that gave the answer. */
  async ends(partitions: readonly TopicPartition[], signal?: AbortSignal): Promise<PartitionMap<PartitionEnd>> {
    const answers = await this.#listOffsets(partitions, LATEST, signal);
    return answers.map(({ offset, leaderEpoch }) => ({ offset, leaderEpoch: knownEpoch(leaderEpoch) }));
  }

  /**
   * Up to where the log of the current leader agrees with that of the leader of an earlier `epoch`: what lies behind was written under a later
   * one. Partitions of which the leader does not know it are left out.
   */
  async endsOfEpochs(
    partitions: readonly (TopicPartition & { readonly epoch: number })[],
    signal?: AbortSignal,
  ): Promise<PartitionMap<EpochEnd>> {
    const answers = await this.#askLeaders(
      partitions,
      "asking for the ends of leader epochs",
      (leader, questions) => epochEnds(this.#connections, leader, questions),
      signal,
    );
    const ends = new PartitionMap<EpochEnd>();
    for (const [at, { leaderEpoch, offset }] of answers) if (offset >= 0) ends.set(at, { epoch: leaderEpoch, offset });
    return ends;
  }

  /** The first offset whose record is not older than `timestampMs`; the latest offset when all are older. */
  async offsetsForTime(
    partitions: readonly TopicPartition[],
    timestampMs: number,
    signal?: AbortSignal,
  ): Promise<PartitionMap<number>> {
    const offsets = await this.#offsets(partitions, timestampMs, signal);
    const older = partitions.filter((partition) => offsets.get(partition) === -1);
    if (older.length === 0) return offsets;
    for (const [at, latest] of await this.latestOffsets(older, signal)) offsets.set(at, latest);
    return offsets;
  }

  /**
   * Who leads a partition, by the last answer or by asking once. Undefined when the topic does not exist; an address that is
   * undefined when the partition has no leader.
   */
  async findLeader(
    { topic, partition }: TopicPartition,
    signal?: AbortSignal,
  ): Promise<(Omit<Leader, "address"> & { address: BrokerAddress | undefined }) | undefined> {
    let info = this.#metadata.cached(topic);
    // A topic may have grown since.
    if (info === undefined || partitionIn(info, partition) === undefined)
      info = (await this.#metadata.ask([topic], signal)).get(topic)?.info;
    if (info === undefined) return undefined;
    const found = infoOf(info, partition);
    return { address: this.#metadata.address(found.leader), leaderEpoch: found.leaderEpoch, topicId: info.topicId };
  }

  /** Looks up the topics and connects to their leaders, so that the first fetch need not. A failure is left to whoever needs them. */
  async connectAhead(topics: readonly string[]): Promise<void> {
    try {
      const answers = await this.#metadata.ask(topics, undefined);
      const leaders = new Set<number>();
      for (const { info } of answers.values()) for (const { leader } of info?.partitions ?? []) leaders.add(leader);
      const addresses = [...leaders].map((leader) => this.#metadata.address(leader));
      await Promise.all(addresses.map((address) => address && this.fetchSocket(address)));
    } catch {
      // It may be over by the time of the first task, which tells it otherwise.
    }
  }

  /** After an error that says the leader moved: the next {@link findLeader} asks. */
  forgetLeader({ topic }: TopicPartition): void {
    this.#metadata.forget(topic);
  }

  /** What one setting of each topic is. */
  topicConfigs(topics: readonly string[], setting: string, signal?: AbortSignal): Promise<TopicConfig[]> {
    return this.persist(signal, () => this.askAnyBroker((socket) => topicConfigs(socket, topics, setting), signal));
  }

  /** What the first broker answers that does. */
  askAnyBroker<T>(ask: (socket: BrokerSocket) => Promise<T>, signal?: AbortSignal): Promise<T> {
    return this.#metadata.askAnyBroker(ask, signal);
  }

  controlSocket(address: BrokerAddress): Promise<BrokerSocket> {
    return this.#connections.socket(address, "control");
  }

  fetchSocket(address: BrokerAddress): Promise<BrokerSocket> {
    return this.#connections.socket(address, "fetch");
  }

  /** For requests of writers, which wait long for replicas. */
  produceSocket(address: BrokerAddress): Promise<BrokerSocket> {
    return this.#connections.socket(address, "produce");
  }

  /** Addresses that were asked so far, for errors. */
  get triedAddresses(): readonly string[] {
    return this.#metadata.tried;
  }

  /** Closes all sockets; what is still under way fails. */
  async close(): Promise<void> {
    await this.#connections.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #matchingNames(pattern: RegExp, signal: AbortSignal | undefined): Promise<string[]> {
    const answers = await this.persist(signal, () => this.#metadata.ask(null, signal));
    return [...answers.keys()].filter((name) => matches(pattern, name));
  }

  async #knowTopics(
    names: readonly string[],
    signal: AbortSignal | undefined,
    known?: ReadonlySet<string>,
  ): Promise<TopicInfo[]> {
    if (names.length === 0) return [];
    let tries = 0;
    return await this.persist(signal, async () => {
      const answers = await this.#metadata.ask(names, signal);
      tries++;
      const infos: TopicInfo[] = [];
      for (const name of names) {
        const answer = answers.get(name) ?? { code: ErrorCodes.UNKNOWN_TOPIC_OR_PARTITION };
        if (answer.info !== undefined) infos.push(answer.info);
        else if (isMissing(answer.code, known?.has(name) === false ? Number.POSITIVE_INFINITY : tries)) {
          if (known !== undefined) continue;
          throw topicNotFound(name, [...(await this.#metadata.ask(null, signal)).keys()]);
        } else throw new ProtocolError(answer.code, `looking up topic "${name}"`);
      }
      return infos;
    });
  }

  async #offsets(
    partitions: readonly TopicPartition[],
    timestamp: number,
    signal: AbortSignal | undefined,
  ): Promise<PartitionMap<number>> {
    return (await this.#listOffsets(partitions, timestamp, signal)).map(({ offset }) => offset);
  }

  #listOffsets(
    partitions: readonly TopicPartition[],
    timestamp: number,
    signal: AbortSignal | undefined,
  ): Promise<PartitionMap<OffsetAnswer>> {
    return this.#askLeaders(
      partitions,
      "asking for offsets",
      (leader, questions) => listOffsets(this.#connections, leader, questions, timestamp, this.params.isolationLevel),
      signal,
    );
  }

  /** One request to each leader, and again to whoever leads then, until each partition has its answer. */
  async #askLeaders<P extends TopicPartition>(
    partitions: readonly P[],
    what: string,
    ask: (leader: BrokerAddress, questions: readonly (P & OffsetQuestion)[]) => Promise<OffsetAnswer[]>,
    signal: AbortSignal | undefined,
  ): Promise<PartitionMap<OffsetAnswer>> {
    const found = new PartitionMap<OffsetAnswer>();
    let missing = partitions;
    let leaderless: TopicPartition | undefined;
    await this.persist(
      signal,
      async () => {
        const byLeader = await this.groupByLeader(missing, signal);
        leaderless = byLeader.leaderless;
        const answers = await Promise.allSettled(
          byLeader.questions.map(([leader, questions]) => ask(leader, questions)),
        );
        let failure: unknown;
        for (const answer of answers) {
          if (answer.status === "rejected") failure = answer.reason;
          else {
            for (const one of answer.value) {
              if (one.code === ErrorCodes.NONE) found.set(one, one);
              else failure = new ProtocolError(one.code, `${what} of ${partitionKey(one)}`);
            }
          }
        }
        missing = missing.filter((partition) => !found.has(partition));
        for (const { topic } of missing) this.#metadata.forget(topic);
        if (missing.length > 0) throw failure ?? new ProtocolError(ErrorCodes.LEADER_NOT_AVAILABLE, what);
      },
      (deadlineMs) => leaderless && noLeader(leaderless, deadlineMs),
    );
    if (found.size > 0) this.#deadlineMs = this.#patienceMs;
    return found;
  }

  /** Who leads which of these partitions, by the last answers; asks for topics that are not known. Names a partition without leader. */
  async groupByLeader<P extends TopicPartition>(
    partitions: readonly P[],
    signal: AbortSignal | undefined,
  ): Promise<{
    readonly questions: readonly (readonly [BrokerAddress, readonly (P & OffsetQuestion)[]])[];
    readonly leaderless: P | undefined;
  }> {
    const unknown = new Set(partitions.map(({ topic }) => topic).filter((topic) => !this.#metadata.cached(topic)));
    await this.#knowTopics([...unknown], signal);
    const questions = new Map<BrokerAddress, (P & OffsetQuestion)[]>();
    let leaderless: P | undefined;
    for (const partition of partitions) {
      const info = this.#metadata.cached(partition.topic);
      const { leader, leaderEpoch } = info === undefined ? NO_LEADER : infoOf(info, partition.partition);
      const address = this.#metadata.address(leader);
      if (address === undefined) leaderless ??= partition;
      else {
        const question = { ...partition, leaderEpoch };
        const asked = questions.get(address);
        if (asked === undefined) questions.set(address, [question]);
        else asked.push(question);
      }
    }
    return { questions: [...questions], leaderless };
  }

  /** Tries until the deadline; errors that no retry cures end it at once. */
  async persist<T>(
    signal: AbortSignal | undefined,
    attempt: () => Promise<T>,
    whenExpired: (deadlineMs: number) => MillraceError | undefined = () => undefined,
  ): Promise<T> {
    // It grows with the first answer, which another question may get meanwhile.
    const deadlineMs = this.#deadlineMs;
    const asBrokersSay = (error: unknown) =>
      error instanceof ProtocolError
        ? unexpectedCode(error)
        : brokerUnreachable(this.triedAddresses, deadlineMs, error);
    let answered = false;
    this.#notice.begin(deadlineMs);
    try {
      const answer = await tryUntilDeadline(attempt, {
        deadlineMs,
        signal,
        onFailure: (error) => this.#notice.failed(error),
        whenExpired: (error) => whenExpired(deadlineMs) ?? asBrokersSay(error),
      });
      answered = true;
      return answer;
    } finally {
      this.#notice.end(answered);
    }
  }
}

const knownEpoch = (epoch: number) => (epoch < 0 ? undefined : epoch);

const NO_LEADER = { leader: -1, leaderEpoch: -1 };

/** Partitions are numbered from 0 on, so the place is the number. */
function partitionIn({ partitions }: TopicInfo, partition: number): PartitionInfo | undefined {
  const expected = partitions[partition];
  return expected?.partition === partition
    ? expected
    : partitions.find((candidate) => candidate.partition === partition);
}

function infoOf(info: TopicInfo, partition: number): PartitionInfo {
  const found = partitionIn(info, partition);
  if (found === undefined) throw partitionNotFound({ topic: info.topic, partition }, info.partitions.length);
  return found;
}

function isMissing(code: number, tries: number): boolean {
  if (code === ErrorCodes.INVALID_TOPIC) return true;
  return code === ErrorCodes.UNKNOWN_TOPIC_OR_PARTITION && tries >= TRIES_FOR_A_MISSING_TOPIC;
}

function byName(topics: TopicInfo[]): TopicInfo[] {
  return topics.sort((a, b) => (a.topic < b.topic ? -1 : 1));
}
