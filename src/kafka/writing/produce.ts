import type { Connection } from "@platformatic/kafka";
import type { TopicPartition } from "../../model/offset-range.ts";
import { loadClient, responseEvenWithErrors } from "../connection/client.ts";
import { ErrorCodes, ProtocolError } from "../connection/protocol-error.ts";

const PRODUCE = 0;
const VERSION = 11;
const ALL_REPLICAS = -1;
const TIMEOUT_MS = 15_000;

/** Writes one batch to its leader; returns when all replicas that are in sync have it. */
export async function produceBatch(
  connection: Connection,
  transactionalId: string,
  { topic, partition }: TopicPartition,
  batch: Buffer,
): Promise<void> {
  const { Writer, produceV11 } = await loadClient();
  const createRequest = () =>
    Writer.create()
      .appendString(transactionalId)
      .appendInt16(ALL_REPLICAS)
      .appendInt32(TIMEOUT_MS)
      .appendArray([topic], (topics, name) => {
        topics.appendString(name).appendArray([partition], (partitions, index) => {
          partitions
            .appendInt32(index)
            .appendUnsignedVarInt(batch.length + 1)
            .append(batch);
        });
      })
      .appendTaggedFields();
  type Response = ReturnType<typeof produceV11.parseResponse>;
  const answer = new Promise<Response>((resolve, reject) => {
    const answered = (error: Error | null | undefined, response: Response | undefined) => {
      if (error || response === undefined) reject(error);
      else resolve(response);
    };
    connection.send(PRODUCE, VERSION, createRequest, produceV11.parseResponse, true, true, answered);
  });
  const { responses } = await responseEvenWithErrors(answer);
  const code = responses[0]?.partitionResponses[0]?.errorCode;
  if (code !== ErrorCodes.NONE) throw new ProtocolError(code ?? -1, `writing to ${topic}-${partition}`);
}
