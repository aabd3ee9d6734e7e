import { Admin } from "@platformatic/kafka";
import type { Decoder } from "../../src/decoders/index.ts";
import { resolveDecoder, utf8 } from "../../src/decoders/index.ts";
import { KafkaCluster } from "../../src/kafka/connection/cluster.ts";
import { type KafkaParams, resolveKafkaParams } from "../../src/kafka/kafka-params.ts";
import { type RangeToRead, readRange } from "../../src/kafka/reading/range-reader.ts";
import type { ConsumerRecord } from "../../src/model/consumer-record.ts";
import { valuesOf } from "../helpers/chunk-values.ts";
import { bootstrapServers } from "../helpers/kafka.ts";

export function openCluster(
  params: KafkaParams = {},
  options?: ConstructorParameters<typeof KafkaCluster>[1],
): KafkaCluster {
  const bootstrap = params["bootstrap.servers"] ?? bootstrapServers();
  return new KafkaCluster(resolveKafkaParams({ ...params, "bootstrap.servers": bootstrap }), options);
}

export const decoders = { key: resolveDecoder(utf8), value: resolveDecoder(utf8) };

export type TextRecord = ConsumerRecord<string | null, string | null>;

/** For what only an administrator may do. */
export async function asAdmin(work: (admin: Admin) => Promise<unknown>): Promise<void> {
  const admin = new Admin({
    clientId: "millrace-test",
    bootstrapBrokers: bootstrapServers().split(","),
    retries: 50,
    retryDelay: 50,
  });
  try {
    await work(admin);
  } finally {
    await admin.close();
  }
}

/** Every record of a range, as text. */
export async function readRecords(
  cluster: KafkaCluster,
  range: RangeToRead,
  { signal, valueDecoder = utf8 }: { signal?: AbortSignal; valueDecoder?: Decoder<string | null> } = {},
): Promise<TextRecord[]> {
  const records: TextRecord[] = [];
  const chunks = readRange(cluster, range, { decoders: { ...decoders, value: resolveDecoder(valueDecoder) }, signal });
  for await (const chunk of chunks) records.push(...valuesOf(chunk));
  return records;
}

/** All that a partition holds for this cluster's isolation level. */
export async function wholePartition(cluster: KafkaCluster, topic: string, partition = 0): Promise<RangeToRead> {
  const [info] = await cluster.topics([topic]);
  const place = { topic, partition };
  const earliest = await cluster.earliestOffsets([place]);
  const latest = await cluster.latestOffsets([place]);
  return { ...place, topicId: info!.topicId, fromOffset: earliest.get(place)!, untilOffset: latest.get(place)! };
}
