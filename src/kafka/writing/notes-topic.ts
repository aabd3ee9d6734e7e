import { MillraceError } from "../../model/errors.ts";
import { Backoff } from "../connection/backoff.ts";
import type { BrokerSocket } from "../connection/broker-socket.ts";
import { ByteWriter } from "../connection/byte-writer.ts";
import type { KafkaCluster, TopicInfo } from "../connection/cluster.ts";
import { refusedByBroker, unexpectedCode } from "../connection/cluster-errors.ts";
import { ErrorCodes, ProtocolError } from "../connection/protocol-error.ts";

const CREATE_TOPICS = { key: 19, version: 7, flexible: true };
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
  const socket = await cluster.produceSocket(leader.address);
  const code = await createTopic(socket, topic, about.partitions[0]!.replicas);
  if (code !== ErrorCodes.NONE && code !== ErrorCodes.TOPIC_ALREADY_EXISTS) {
    const failure = new ProtocolError(code, `creating topic "${topic}"`);
    throw refusedByBroker(failure) ?? unexpectedCode(failure);
  }
  // Known to the broker that made it; the others hear of it a moment later.
  const backoff = new Backoff(TIMEOUT_MS, undefined);
  for (;;) {
    try {
      return (await cluster.topics([topic]))[0]!;
    } catch (error) {
      if (!MillraceError.is(error, "TOPIC_NOT_FOUND") || backoff.expired) throw error;
    }
    await backoff.pause();
  }
}

/** @returns an error code. */
async function createTopic(socket: BrokerSocket, topic: string, replicas: number): Promise<number> {
  const writer = new ByteWriter();
  writer.compactArray([topic], (name) => {
    writer.compactText(name).int32(NUM_PARTITIONS).int16(replicas);
    writer.compactArray([], () => {}); // who has which replica
    writer.compactArray([["cleanup.policy", "compact"]] as const, ([config, value]) => {
      writer.compactText(config).compactText(value).noTaggedFields();
    });
    writer.noTaggedFields();
  });
  writer.int32(TIMEOUT_MS).boolean(false).noTaggedFields();
  const answer = await socket.request({ ...CREATE_TOPICS, body: writer.bytes });
  answer.int32(); // throttle time
  // One was to be made, so one is told of: the rest of the answer is not needed.
  answer.compactLength();
  answer.compactText(); // its name
  answer.uuid();
  return answer.int16();
}
