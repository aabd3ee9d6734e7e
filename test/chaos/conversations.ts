import type { Conversation } from "./reply-cutter.ts";

const KAFKA_REQUESTS = new Map([
  [0, "Produce"],
  [1, "Fetch"],
  [2, "ListOffsets"],
  [22, "InitProducerId"],
  [24, "AddPartitionsToTxn"],
  [26, "EndTxn"],
]);

/** Kafka: every message has its length before it, and a correlation id that the reply repeats. */
export function kafkaConversation(): Conversation {
  const names = new Map<number, string>();
  const asked = framesOf(4, (head) => head.readUInt32BE(0));
  const answered = framesOf(4, (head) => head.readUInt32BE(0));
  return {
    requests(chunk) {
      for (const frame of asked(chunk)) {
        const name = KAFKA_REQUESTS.get(frame.readInt16BE(4));
        if (name !== undefined) names.set(frame.readInt32BE(8), name);
      }
    },
    replies(chunk) {
      return answered(chunk).flatMap((frame) => {
        const id = frame.readInt32BE(4);
        const name = names.get(id);
        names.delete(id);
        return name === undefined ? [] : [name];
      });
    },
  };
}

/** Postgres: the server names the command that it has completed. */
export function postgresConversation(): Conversation {
  // A type, then a length that counts itself.
  const answered = framesOf(5, (head) => head.readUInt32BE(1) - 4);
  return {
    requests() {},
    replies(chunk) {
      return answered(chunk).flatMap((frame) => {
        if (frame[0] !== "C".charCodeAt(0)) return [];
        return [frame.toString("latin1", 5, frame.length - 1)];
      });
    },
  };
}

/** Cuts a stream of bytes into messages; the last one may have to wait for the next chunk. */
function framesOf(headBytes: number, lengthIn: (head: Buffer) => number): (chunk: Buffer) => Buffer[] {
  let rest = Buffer.alloc(0);
  return (chunk) => {
    rest = rest.length === 0 ? Buffer.from(chunk) : Buffer.concat([rest, chunk]);
    const frames: Buffer[] = [];
    while (rest.length >= headBytes) {
      const end = headBytes + lengthIn(rest);
      if (rest.length < end) break;
      frames.push(rest.subarray(0, end));
      rest = rest.subarray(end);
    }
    return frames;
  };
}
