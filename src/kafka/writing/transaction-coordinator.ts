import type { Connection } from "@platformatic/kafka";
import { loadClient, responseEvenWithErrors } from "../connection/client.ts";
import { ErrorCodes, ProtocolError } from "../connection/protocol-error.ts";
import type { ProducerIdentity } from "./batch-encoder.ts";

export interface TopicPartitions {
  readonly name: string;
  readonly partitions: readonly number[];
}

/** The broker that keeps the state of one transactional.id. Kafka fences by the last `begin`, whoever sent it. */
export class TransactionCoordinator {
  readonly #transactionalId: string;
  readonly #connection: Connection;

  constructor(transactionalId: string, connection: Connection) {
    this.#transactionalId = transactionalId;
    this.#connection = connection;
  }

  /**
   * A producer of our own: ends what earlier ones of this id left open. Its answer comes when their transactions are decided in every
   * partition, so whoever reads behind it sees all of them.
   */
  async begin(timeoutMs: number): Promise<ProducerIdentity> {
    const { initProducerIdV5 } = await loadClient();
    const answer = initProducerIdV5.api.async(this.#connection, this.#transactionalId, timeoutMs);
    const { errorCode, producerId, producerEpoch } = await responseEvenWithErrors(answer);
    this.#check(errorCode, "starting transactions of");
    return { id: producerId, epoch: producerEpoch };
  }

  /** Version 3: the later ones are for brokers. */
  async addPartitions(producer: ProducerIdentity, topics: readonly TopicPartitions[]): Promise<void> {
    const { addPartitionsToTxnV3 } = await loadClient();
    const transaction = {
      transactionalId: this.#transactionalId,
      producerId: producer.id,
      producerEpoch: producer.epoch,
      verifyOnly: false,
      topics: topics.map(({ name, partitions }) => ({ name, partitions: [...partitions] })),
    };
    const answer = await responseEvenWithErrors(addPartitionsToTxnV3.api.async(this.#connection, [transaction]));
    const results = answer.resultsByTransaction.flatMap(({ topicResults }) => topicResults);
    const codes = results.flatMap(({ resultsByPartition }) => resultsByPartition.map((r) => r.partitionErrorCode));
    // Where one partition fails, the others say only that they were not tried.
    const failures = codes.filter((code) => code !== ErrorCodes.NONE);
    const failure = failures.find((code) => code !== ErrorCodes.OPERATION_NOT_ATTEMPTED) ?? failures[0];
    this.#check(failure ?? ErrorCodes.NONE, "adding partitions to a transaction of");
  }

  async end(producer: ProducerIdentity, outcome: "commit" | "abort"): Promise<void> {
    const { endTxnV4 } = await loadClient();
    const { id, epoch } = producer;
    const answer = endTxnV4.api.async(this.#connection, this.#transactionalId, id, epoch, outcome === "commit");
    this.#check((await responseEvenWithErrors(answer)).errorCode, `the ${outcome} of a transaction of`);
  }

  #check(code: number, what: string): void {
    if (code !== ErrorCodes.NONE) throw new ProtocolError(code, `${what} ${this.#transactionalId}`);
  }
}

/** Asks any broker who coordinates a transactional.id. */
export async function findCoordinator(anyBroker: Connection, transactionalId: string) {
  const { findCoordinatorV6, FindCoordinatorKeyTypes } = await loadClient();
  const answer = findCoordinatorV6.api.async(anyBroker, FindCoordinatorKeyTypes.TRANSACTION, [transactionalId]);
  const [found] = (await responseEvenWithErrors(answer)).coordinators;
  if (found === undefined || found.errorCode !== ErrorCodes.NONE) {
    throw new ProtocolError(found?.errorCode ?? -1, `finding the coordinator of ${transactionalId}`);
  }
  return { host: found.host, port: found.port };
}
