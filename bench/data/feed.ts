import { Connection, type Reader, Writer } from "@platformatic/kafka";
import { type Codec, encodeBatch, nextRecords } from "./record-batch.ts";
import { type Kind, LONGEST_VALUE_BYTES, sizedWriter, writers } from "./records.ts";

const PRODUCE = 0;
const VERSION = 9;
const ACKS_LEADER = 1;
const TIMEOUT_MS = 60_000;
/** Requests on their way: the broker writes one while the next is encoded. */
const IN_FLIGHT_MAX = 8;

/** Writes the same records to several topics, one for each codec. For one broker, which leads every partition. */
export async function feed(
  broker: { host: string; port: number },
  kind: Kind | number,
  records: number,
  partitions: number,
  topics: readonly { readonly topic: string; readonly codec: Codec }[],
): Promise<void> {
  const connection = new Connection("millrace-bench", { maxInflights: IN_FLIGHT_MAX, requestTimeout: TIMEOUT_MS });
  await connection.connect(broker.host, broker.port);
  const writeValue = typeof kind === "number" ? sizedWriter(kind) : writers[kind]();
  const longest = typeof kind === "number" ? kind : LONGEST_VALUE_BYTES;
  // Everything is spread evenly, however few records there are.
  const share = Math.max(1, Math.ceil(records / partitions));
  const timestamp = Date.now();
  const underWay = new Set<Promise<void>>();
  let failure: unknown;
  for (let left = records; left > 0; ) {
    const perPartition = Array.from({ length: partitions }, () => {
      const batch = nextRecords(writeValue, Math.min(left, share), longest);
      left -= batch.count;
      return batch;
    });
    for (const { topic, codec } of topics) {
      const batches = perPartition.map((batch) =>
        batch.count === 0 ? undefined : encodeBatch(batch, codec, timestamp),
      );
      const sent = produce(connection, topic, batches)
        .catch((error) => {
          failure ??= error;
        })
        .finally(() => underWay.delete(sent));
      underWay.add(sent);
      while (underWay.size >= IN_FLIGHT_MAX) await Promise.race(underWay);
      if (failure !== undefined) throw failure;
    }
  }
  await Promise.all(underWay);
  await connection.close();
  if (failure !== undefined) throw failure;
}

/** One batch for each partition, in one request. */
export function produce(
  connection: Connection,
  topic: string,
  batches: readonly (Buffer | undefined)[],
): Promise<void> {
  const present = batches.flatMap((batch, partition) => (batch === undefined ? [] : [{ batch, partition }]));
  const createRequest = () =>
    Writer.create()
      .appendString(null)
      .appendInt16(ACKS_LEADER)
      .appendInt32(TIMEOUT_MS)
      .appendArray([topic], (writer) => {
        writer.appendString(topic).appendArray(present, (partitions, { batch, partition }) => {
          partitions
            .appendInt32(partition)
            .appendUnsignedVarInt(batch.length + 1)
            .append(batch);
        });
      })
      .appendTaggedFields();
  return new Promise((resolve, reject) => {
    connection.send(PRODUCE, VERSION, createRequest, errorCodes, true, true, (error, codes) => {
      const refused = codes?.find((code) => code !== 0);
      if (error) reject(error);
      else if (refused !== undefined) reject(new Error(`the broker refused records for ${topic} with code ${refused}`));
      else resolve();
    });
  });
}

function errorCodes(_correlationId: number, _key: number, _version: number, reader: Reader): number[] {
  const codes: number[] = [];
  reader.readArray((topics) => {
    topics.readString();
    topics.readArray((partitions) => {
      partitions.readInt32();
      codes.push(partitions.readInt16());
      partitions.skip(8 + 8 + 8);
      partitions.readArray((errors) => {
        errors.readInt32();
        errors.readNullableString();
      });
      partitions.readNullableString();
    });
  });
  return codes;
}
