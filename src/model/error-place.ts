import { MillraceError } from "./errors.ts";

/** The message in one sentence, with the record it happened at: what a log line or a terminal has room for. */
export function sentenceOf(error: Error): string {
  const { message } = error;
  const record = MillraceError.is(error) ? recordOf(error, message) : undefined;
  return record === undefined ? message : `${message.replace(/\.$/, "")} (${record}).`;
}

/** Undefined also when the message has it already. */
function recordOf({ at: { topic, partition, offset } }: MillraceError, message: string): string | undefined {
  if (topic === undefined || partition === undefined || message.includes(topic)) return undefined;
  return offset === undefined ? `${topic}-${partition}` : `${topic}-${partition}, offset ${offset}`;
}
