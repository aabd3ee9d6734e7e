import { MillraceError } from "../../model/errors.ts";
import { refusedByBroker } from "../connection/cluster-errors.ts";
import { rootMessageOf } from "../connection/connections.ts";
import { ErrorCodes, ProtocolError } from "../connection/protocol-error.ts";

/** What no other attempt cures, and what does. All other codes pass: with another leader, or after another `begin`. */
const FINAL = new Map<number, string>([
  [ErrorCodes.MESSAGE_TOO_LARGE, 'Raise "max.message.bytes" of the topic, or write smaller records.'],
  [ErrorCodes.RECORD_LIST_TOO_LARGE, 'Raise "max.message.bytes" of the topic.'],
  [
    ErrorCodes.INVALID_TRANSACTION_TIMEOUT,
    'Keep "transactionTimeout" below "transaction.max.timeout.ms" of the brokers.',
  ],
  [ErrorCodes.INVALID_RECORD, "A compacted topic takes only records with a key: give the sink a `key`."],
  [ErrorCodes.INVALID_TIMESTAMP, "Check this machine's clock: the topic refuses its time."],
  [ErrorCodes.UNSUPPORTED_COMPRESSION_TYPE, "Choose another `compression`."],
  [ErrorCodes.UNSUPPORTED_VERSION, "The sink needs brokers of Kafka 4.0 or later."],
  [ErrorCodes.INVALID_TOPIC, "Correct the name of the topic."],
  [ErrorCodes.POLICY_VIOLATION, "Ask whoever runs the brokers about their policies."],
]);

/** The error to end with, or undefined when another attempt may do better. */
export function finalFailure(error: unknown, topic: string): MillraceError | undefined {
  if (MillraceError.is(error)) return error;
  const refused = refusedByBroker(error);
  if (refused !== undefined) return refused;
  const hint = error instanceof ProtocolError ? FINAL.get(error.protocolCode) : undefined;
  return hint === undefined ? undefined : cannotBeWritten(topic, error, hint);
}

export function triedForTooLong(error: unknown, topic: string): MillraceError {
  return cannotBeWritten(topic, error, "Check the brokers. Nothing of this partition of the batch is seen.");
}

/** What was sent is no longer held: only the task, from its beginning, can give it again. */
export function brokenOff(error: unknown, topic: string): MillraceError {
  return cannotBeWritten(
    topic,
    error,
    "Nothing of it is seen, and the task runs again. If it always ends so, the task takes longer than `transactionTimeout`: raise it, or bound the batch by `maxBatchSize`.",
  );
}

function cannotBeWritten(topic: string, error: unknown, hint: string): MillraceError {
  const message = `Topic "${topic}" cannot be written: ${rootMessageOf(error)}`;
  return new MillraceError("SINK_FAILED", message, { hint, at: { topic }, cause: error });
}
