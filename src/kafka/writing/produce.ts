import type { TopicPartition } from "../../model/offset-range.ts";
import type { BrokerSocket } from "../connection/broker-socket.ts";
import { readByTopic, writeByTopic } from "../connection/by-topic.ts";
import type { ByteCursor } from "../connection/byte-cursor.ts";
import { ByteWriter } from "../connection/byte-writer.ts";
import { ErrorCodes, ProtocolError } from "../connection/protocol-error.ts";

/** By the later ones a record that arrives behind the end of its transaction begins another, which nobody ends. */
const PRODUCE = { key: 0, version: 11, flexible: true };
const ALL_REPLICAS = -1;
const TIMEOUT_MS = 15_000;
/** What a request has beside the batch, when names are not very long. */
const FRAMING_BYTES = 1024;

/** Writes one batch to its leader; returns when all replicas that are in sync have it. */
export async function produceBatch(
  socket: BrokerSocket,
  transactionalId: string,
  { topic, partition }: TopicPartition,
  batch: Buffer,
): Promise<void> {
  const writer = new ByteWriter(batch.length + FRAMING_BYTES)
    .compactText(transactionalId)
    .int16(ALL_REPLICAS)
    .int32(TIMEOUT_MS);
  writeByTopic(writer, [{ topic, partition }], () => {
    writer.int32(partition).compactBytes(batch).noTaggedFields();
  });
  const answer = await socket.request({ ...PRODUCE, body: writer.noTaggedFields().bytes });
  const [code = -1] = readByTopic(answer, () => codeOfPartition(answer));
  if (code !== ErrorCodes.NONE) throw new ProtocolError(code, `writing to ${topic}-${partition}`);
}

function codeOfPartition(cursor: ByteCursor): number {
  cursor.int32(); // partition
  const code = cursor.int16();
  cursor.int64(); // base offset
  cursor.int64(); // the time at which it was appended
  cursor.int64(); // where the log starts
  // Why single records were refused.
  cursor.compactArray(() => {
    cursor.int32();
    cursor.compactText();
    cursor.skipTaggedFields();
  });
  cursor.compactText(); // the same as a sentence
  return code;
}
