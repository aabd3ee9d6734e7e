import type { BrokerAddress } from "../connection/broker-address.ts";
import type { BrokerSocket } from "../connection/broker-socket.ts";
import { readByTopic } from "../connection/by-topic.ts";
import { ByteWriter } from "../connection/byte-writer.ts";
import { ErrorCodes, ProtocolError } from "../connection/protocol-error.ts";
import type { ProducerIdentity } from "./batch-encoder.ts";

const FIND_COORDINATOR = { key: 10, version: 6, flexible: true };
const INIT_PRODUCER_ID = { key: 22, version: 5, flexible: true };
/** The later versions are for brokers. */
const ADD_PARTITIONS_TO_TXN = { key: 24, version: 3, flexible: true };
const END_TXN = { key: 26, version: 4, flexible: true };

const OF_TRANSACTIONS = 1;
/** Asks for a new producer, instead of naming an old one. */
const NO_PRODUCER: ProducerIdentity = { id: -1, epoch: -1 };

export interface TopicPartitions {
  readonly name: string;
  readonly partitions: readonly number[];
}

/** The broker that keeps the state of one transactional.id. Kafka fences by the last `begin`, whoever sent it. */
export class TransactionCoordinator {
  readonly transactionalId: string;
  readonly #socket: BrokerSocket;

  constructor(transactionalId: string, socket: BrokerSocket) {
    this.transactionalId = transactionalId;
    this.#socket = socket;
  }

  /**
   * A producer of our own: ends what earlier ones of this id left open. Its answer comes when their transactions are decided in every
   * partition, so whoever reads behind it sees all of them.
   */
  async begin(timeoutMs: number): Promise<ProducerIdentity> {
    const writer = new ByteWriter().compactText(this.transactionalId).int32(timeoutMs);
    const body = writer.int64(NO_PRODUCER.id).int16(NO_PRODUCER.epoch).noTaggedFields().bytes;
    const answer = await this.#socket.request({ ...INIT_PRODUCER_ID, body });
    answer.int32(); // throttle time
    this.#check(answer.int16(), "starting transactions of");
    return { id: answer.int64(), epoch: answer.int16() };
  }

  async addPartitions(producer: ProducerIdentity, topics: readonly TopicPartitions[]): Promise<void> {
    const writer = this.#as(producer);
    writer.compactArray(topics, ({ name, partitions }) => {
      writer.compactText(name).compactArray(partitions, (partition) => writer.int32(partition));
      writer.noTaggedFields();
    });
    const body = writer.noTaggedFields().bytes;
    const answer = await this.#socket.request({ ...ADD_PARTITIONS_TO_TXN, body });
    answer.int32(); // throttle time
    const codes = readByTopic(answer, () => {
      answer.int32(); // partition
      return answer.int16();
    });
    // Where one partition fails, the others say only that they were not tried.
    const failures = codes.filter((code) => code !== ErrorCodes.NONE);
    const failure = failures.find((code) => code !== ErrorCodes.OPERATION_NOT_ATTEMPTED) ?? failures[0];
    this.#check(failure ?? ErrorCodes.NONE, "adding partitions to a transaction of");
  }

  async end(producer: ProducerIdentity, outcome: "commit" | "abort"): Promise<void> {
    const body = this.#as(producer)
      .boolean(outcome === "commit")
      .noTaggedFields().bytes;
    const answer = await this.#socket.request({ ...END_TXN, body });
    answer.int32(); // throttle time
    this.#check(answer.int16(), `the ${outcome} of a transaction of`);
  }

  #as({ id, epoch }: ProducerIdentity): ByteWriter {
    return new ByteWriter().compactText(this.transactionalId).int64(id).int16(epoch);
  }

  #check(code: number, what: string): void {
    if (code !== ErrorCodes.NONE) throw new ProtocolError(code, `${what} ${this.transactionalId}`);
  }
}

/** Asks any broker who coordinates a transactional.id. */
export async function findCoordinator(anyBroker: BrokerSocket, transactionalId: string): Promise<BrokerAddress> {
  const writer = new ByteWriter().int8(OF_TRANSACTIONS);
  writer.compactArray([transactionalId], (id) => writer.compactText(id));
  const answer = await anyBroker.request({ ...FIND_COORDINATOR, body: writer.noTaggedFields().bytes });
  answer.int32(); // throttle time
  // One was asked for, so one is told: the rest of the answer is not needed.
  answer.compactLength();
  answer.compactText(); // the id
  answer.int32(); // the broker's number
  const host = answer.compactText() ?? "";
  const port = answer.int32();
  const code = answer.int16();
  if (code !== ErrorCodes.NONE) throw new ProtocolError(code, `finding the coordinator of ${transactionalId}`);
  return { host, port };
}
