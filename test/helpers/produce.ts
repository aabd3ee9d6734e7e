import { randomUUID } from "node:crypto";
import { type CompressionAlgorithmValue, type MessageToProduce, Producer } from "@platformatic/kafka";
import { bootstrapServers, logEnds } from "./kafka.ts";
import { waitUntil } from "./wait-until.ts";

/** A record to write. A text is written as UTF-8; a key or value that is absent or null is null in Kafka. */
export interface RecordToWrite {
  readonly key?: string | Uint8Array | null;
  readonly value?: string | Uint8Array | null;
  /** Default 0. */
  readonly partition?: number;
  readonly timestamp?: number;
  readonly headers?: Readonly<Record<string, string | Uint8Array>>;
}

export interface ProduceOptions {
  readonly compression?: CompressionAlgorithmValue;
  readonly bootstrap?: string;
}

/** Writes records in order: one batch a partition a call, as far as a batch may hold them (about 500 kB). */
export async function produce(
  topic: string,
  records: readonly RecordToWrite[],
  options: ProduceOptions = {},
): Promise<void> {
  const producer = openProducer(options);
  try {
    for (const messages of batches(topic, records)) await producer.send({ messages, ...compression(options) });
  } finally {
    await producer.close();
  }
}

/** Writes `{ value: write(i) }` for i from 0 to `count`, spread over the partitions in turn. */
export function produceMany(
  topic: string,
  count: number,
  write: (index: number) => string,
  options: ProduceOptions & { readonly partitions?: number } = {},
): Promise<void> {
  const { partitions = 1 } = options;
  const records = Array.from({ length: count }, (_, i) => ({ value: write(i), partition: i % partitions }));
  return produce(topic, records, options);
}

/** One open transaction: write to it, then commit or abort, which return when that can be read. */
export interface OpenTransaction {
  write(records: readonly RecordToWrite[]): Promise<void>;
  commit(): Promise<void>;
  abort(): Promise<void>;
}

/** Transactions of one producer id, one after the other, that a test commits or aborts as it likes. */
export interface TransactionalProducer extends AsyncDisposable {
  begin(): Promise<OpenTransaction>;
}

export function openTransactionalProducer(topic: string, options: ProduceOptions = {}): TransactionalProducer {
  const producer = openProducer(options, { transactionalId: `test.${randomUUID()}`, idempotent: true });
  return {
    async begin() {
      const transaction = await producer.beginTransaction();
      const written = new Set<number>();
      return {
        async write(records) {
          for (const { partition = 0 } of records) written.add(partition);
          for (const messages of batches(topic, records)) await transaction.send({ messages, ...compression(options) });
        },
        commit: () => carriedOut(topic, [...written], options, () => transaction.commit()),
        abort: () => carriedOut(topic, [...written], options, () => transaction.abort()),
      };
    },
    [Symbol.asyncDispose]: async () => void (await producer.close(true)),
  };
}

/** The end of a transaction is decided before the brokers have written its marker to each partition, behind which it can be read. */
async function carriedOut(
  topic: string,
  partitions: readonly number[],
  { bootstrap }: ProduceOptions,
  end: () => Promise<unknown>,
): Promise<void> {
  const before = await logEnds(topic, partitions, bootstrap);
  await end();
  await waitUntil(`the markers are written to ${topic}`, async () => {
    const now = await logEnds(topic, partitions, bootstrap);
    return partitions.every((partition) => now.get(partition)! > before.get(partition)!);
  });
}

function openProducer(options: ProduceOptions, more: { transactionalId?: string; idempotent?: boolean } = {}) {
  const bootstrapBrokers = (options.bootstrap ?? bootstrapServers()).split(",");
  // The coordinator of a transaction may have died a moment ago: the next one answers when it has read its log.
  return new Producer({ clientId: "millrace-test", bootstrapBrokers, retries: 600, retryDelay: 50, ...more });
}

const compression = ({ compression }: ProduceOptions) => (compression === undefined ? {} : { compression });

/**
 * A batch must stay below the broker's limit of 1 MB, and holds one partition's records: the client sends all of a batch again when one
 * partition was refused (a topic that is new to its leader), and would double the records of the others.
 */
function* batches(topic: string, records: readonly RecordToWrite[]): Generator<MessageToProduce[]> {
  for (const ofPartition of Map.groupBy(records, ({ partition = 0 }) => partition).values()) {
    let batch: MessageToProduce[] = [];
    let bytes = 0;
    for (const record of ofPartition) {
      const message = toMessage(topic, record);
      const size = 100 + (message.key?.length ?? 0) + (message.value?.length ?? 0);
      if (bytes + size > 500_000 && batch.length > 0) {
        yield batch;
        batch = [];
        bytes = 0;
      }
      batch.push(message);
      bytes += size;
    }
    if (batch.length > 0) yield batch;
  }
}

function toMessage(topic: string, record: RecordToWrite): MessageToProduce {
  const message: MessageToProduce = { topic, partition: record.partition ?? 0 };
  if (record.key != null) message.key = Buffer.from(record.key as string);
  if (record.value != null) message.value = Buffer.from(record.value as string);
  if (record.timestamp !== undefined) message.timestamp = BigInt(record.timestamp);
  if (record.headers !== undefined) {
    const headers = Object.entries(record.headers);
    message.headers = new Map(headers.map(([name, value]) => [Buffer.from(name), Buffer.from(value as string)]));
  }
  return message;
}
