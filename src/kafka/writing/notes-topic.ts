import { MillraceError } from "../../model/errors.ts";
import { loadClient, responseEvenWithErrors } from "../connection/client.ts";
import type { KafkaCluster, TopicInfo } from "../connection/cluster.ts";
import { refusedByBroker, unexpectedCode } from "../connection/cluster-errors.ts";
import { ErrorCodes, ProtocolError } from "../connection/protocol-error.ts";

const NUM_PARTITIONS = 16;
const TIMEOUT_MS = 10_000;

/**
 * The compacted topic of that name, made when there is none: with as many replicas as the topic it has notes about, because one is of no use
 * when the other is gone.
 */
export async function ensureNotesTopic(cluster: KafkaCluster, topic: string, about: TopicInfo): Promise<TopicInfo> {
  try {
    return (await cluster.topics([topic]))[0]!;
  } catch (error) {
    if (!MillraceError.is(error, "TOPIC_NOT_FOUND")) throw error;
  }
  const leader = await cluster.findLeader({ topic: about.topic, partition: 0 });
  if (leader?.address === undefined) throw new Error(`${about.topic} has no leader`);
  const connection = await cluster.produceConnection(leader.address);
  const { createTopicsV7 } = await loadClient();
  const request = {
    name: topic,
    numPartitions: NUM_PARTITIONS,
    replicationFactor: about.partitions[0]!.replicas,
    assignments: [],
    configs: [{ name: "cleanup.policy", value: "compact" }],
  };
  const answer = await responseEvenWithErrors(createTopicsV7.api.async(connection, [request], TIMEOUT_MS, false));
  const code = answer.topics[0]?.errorCode ?? -1;
  if (code !== ErrorCodes.NONE && code !== ErrorCodes.TOPIC_ALREADY_EXISTS) {
    const failure = new ProtocolError(code, `creating topic "${topic}"`);
    throw refusedByBroker(failure) ?? unexpectedCode(failure);
  }
  return (await cluster.topics([topic]))[0]!;
}
