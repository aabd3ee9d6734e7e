/** Kafka's error codes, as far as we meet them: what each asks a reader to do. */
export const ErrorCodes = {
  NONE: 0,
  OFFSET_OUT_OF_RANGE: 1,
  CORRUPT_MESSAGE: 2,
  UNKNOWN_TOPIC_OR_PARTITION: 3,
  LEADER_NOT_AVAILABLE: 5,
  NOT_LEADER_OR_FOLLOWER: 6,
  REQUEST_TIMED_OUT: 7,
  REPLICA_NOT_AVAILABLE: 9,
  MESSAGE_TOO_LARGE: 10,
  NETWORK_EXCEPTION: 13,
  COORDINATOR_LOAD_IN_PROGRESS: 14,
  COORDINATOR_NOT_AVAILABLE: 15,
  NOT_COORDINATOR: 16,
  INVALID_TOPIC: 17,
  RECORD_LIST_TOO_LARGE: 18,
  NOT_ENOUGH_REPLICAS: 19,
  UNKNOWN_MEMBER_ID: 25,
  TOPIC_AUTHORIZATION_FAILED: 29,
  GROUP_AUTHORIZATION_FAILED: 30,
  CLUSTER_AUTHORIZATION_FAILED: 31,
  INVALID_TIMESTAMP: 32,
  UNSUPPORTED_VERSION: 35,
  TOPIC_ALREADY_EXISTS: 36,
  POLICY_VIOLATION: 44,
  INVALID_PRODUCER_EPOCH: 47,
  INVALID_TXN_STATE: 48,
  INVALID_TRANSACTION_TIMEOUT: 50,
  CONCURRENT_TRANSACTIONS: 51,
  TRANSACTIONAL_ID_AUTHORIZATION_FAILED: 53,
  OPERATION_NOT_ATTEMPTED: 55,
  KAFKA_STORAGE_ERROR: 56,
  FENCED_LEADER_EPOCH: 74,
  UNKNOWN_LEADER_EPOCH: 75,
  UNSUPPORTED_COMPRESSION_TYPE: 76,
  OFFSET_NOT_AVAILABLE: 78,
  INVALID_RECORD: 87,
  UNSTABLE_OFFSET_COMMIT: 88,
  PRODUCER_FENCED: 90,
  UNKNOWN_TOPIC_ID: 100,
  INCONSISTENT_TOPIC_ID: 103,
  TRANSACTION_ABORTABLE: 120,
} as const;

export type Remedy = "refresh the leader" | "wait" | "look the topic up" | "give up";

const REMEDIES = new Map<number, Remedy>([
  [ErrorCodes.LEADER_NOT_AVAILABLE, "refresh the leader"],
  [ErrorCodes.NOT_LEADER_OR_FOLLOWER, "refresh the leader"],
  [ErrorCodes.REPLICA_NOT_AVAILABLE, "refresh the leader"],
  [ErrorCodes.KAFKA_STORAGE_ERROR, "refresh the leader"],
  [ErrorCodes.FENCED_LEADER_EPOCH, "refresh the leader"],
  [ErrorCodes.UNKNOWN_LEADER_EPOCH, "refresh the leader"],
  [ErrorCodes.OFFSET_NOT_AVAILABLE, "wait"],
  [ErrorCodes.REQUEST_TIMED_OUT, "wait"],
  [ErrorCodes.NETWORK_EXCEPTION, "wait"],
  [ErrorCodes.COORDINATOR_LOAD_IN_PROGRESS, "wait"],
  [ErrorCodes.COORDINATOR_NOT_AVAILABLE, "wait"],
  [ErrorCodes.NOT_COORDINATOR, "wait"],
  [ErrorCodes.UNSTABLE_OFFSET_COMMIT, "wait"],
  [ErrorCodes.UNKNOWN_TOPIC_OR_PARTITION, "look the topic up"],
  [ErrorCodes.UNKNOWN_TOPIC_ID, "look the topic up"],
  [ErrorCodes.INCONSISTENT_TOPIC_ID, "look the topic up"],
]);

export function remedyFor(code: number): Remedy {
  return REMEDIES.get(code) ?? "give up";
}

export function nameOf(code: number): string {
  const known = Object.entries(ErrorCodes).find(([, value]) => value === code);
  return known === undefined ? `Kafka's error code ${code}` : known[0];
}

/** An error code of one partition or topic, on its way to whoever can cure it. */
export class ProtocolError extends Error {
  readonly protocolCode: number;
  /** What we were doing. */
  readonly what: string;

  constructor(protocolCode: number, what: string) {
    super(`${what}: ${nameOf(protocolCode)}`);
    this.name = "ProtocolError";
    this.protocolCode = protocolCode;
    this.what = what;
  }
}
