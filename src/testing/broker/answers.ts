import type { ByteCursor } from "../../kafka/connection/byte-cursor.ts";
import { ByteWriter } from "../../kafka/connection/byte-writer.ts";
import { EARLIEST, LATEST } from "../../kafka/connection/list-offsets.ts";
import { ErrorCodes } from "../../kafka/connection/protocol-error.ts";
import { encodeBatch } from "./encode-batch.ts";
import { endOffset, type MemoryPartition, type MemoryTopic, type StoredRecord } from "./memory-topics.ts";

/** What a broker in memory answers to the requests that reading needs, each in the one version that our reader speaks. */

export interface Cluster {
  readonly topics: ReadonlyMap<string, MemoryTopic>;
  readonly port: number;
}

type Answer = (request: ByteCursor, cluster: Cluster) => ByteWriter;

const NODE_ID = 0;
const NULL = 0;
const TOPIC = 2;
const NO_ID = "00000000-0000-0000-0000-000000000000";

/** By the key of the request. */
export const ANSWERS: ReadonlyMap<number, { readonly version: number; readonly answer: Answer }> = new Map([
  [1, { version: 13, answer: fetch }],
  [2, { version: 7, answer: listOffsets }],
  [3, { version: 12, answer: metadata }],
  [32, { version: 4, answer: describeConfigs }],
]);

function metadata(request: ByteCursor, { topics, port }: Cluster): ByteWriter {
  const count = request.unsignedVarint();
  const names =
    count === NULL
      ? [...topics.keys()]
      : Array.from({ length: count - 1 }, () => {
          request.uuid();
          const name = request.compactText() ?? "";
          request.skipTaggedFields();
          return name;
        });
  const writer = new ByteWriter().int32(0);
  writer.compactArray([NODE_ID], (node) => {
    writer.int32(node).compactText("127.0.0.1").int32(port).unsignedVarint(NULL).noTaggedFields();
  });
  writer.unsignedVarint(NULL).int32(NODE_ID);
  writer.compactArray(names, (name) => {
    const topic = topics.get(name);
    // Of a topic that is not there a reader asks again and again, as it may have just been made; of an invalid one it does not.
    writer.int16(topic === undefined ? ErrorCodes.INVALID_TOPIC : ErrorCodes.NONE).compactText(name);
    writer.uuid(topic?.id ?? NO_ID).boolean(false);
    writer.compactArray([...(topic?.partitions.keys() ?? [])], (partition) => {
      writer.int16(ErrorCodes.NONE).int32(partition).int32(NODE_ID).int32(0);
      for (const nodes of [[NODE_ID], [NODE_ID], []]) writer.compactArray(nodes, (node) => writer.int32(node));
      writer.noTaggedFields();
    });
    writer.int32(-1).noTaggedFields();
  });
  return writer.noTaggedFields();
}

/** Every setting of a topic that is asked for is that of a topic which is not compacted. */
function describeConfigs(request: ByteCursor): ByteWriter {
  const asked = request.compactArray(() => {
    request.skip(1); // that it is a topic
    const name = request.compactText() ?? "";
    const settings = request.compactArray(() => request.compactText() ?? "");
    request.skipTaggedFields();
    return { name, settings };
  });
  const writer = new ByteWriter().int32(0);
  writer.compactArray(asked, ({ name, settings }) => {
    writer.int16(ErrorCodes.NONE).unsignedVarint(NULL).int8(TOPIC).compactText(name);
    writer.compactArray(settings, (setting) => {
      writer.compactText(setting).compactText("delete").boolean(false).int8(0).boolean(false);
      writer
        .compactArray([], () => {})
        .int8(0)
        .unsignedVarint(NULL)
        .noTaggedFields();
    });
    writer.noTaggedFields();
  });
  return writer.noTaggedFields();
}

function listOffsets(request: ByteCursor, { topics }: Cluster): ByteWriter {
  request.skip(4 + 1); // replica, isolation
  const asked = request.compactArray(() => {
    const name = request.compactText() ?? "";
    const partitions = request.compactArray(() => {
      const partition = request.int32();
      request.int32(); // leader epoch
      const timestamp = request.int64();
      request.skipTaggedFields();
      return { partition, timestamp };
    });
    request.skipTaggedFields();
    return { name, partitions };
  });
  const writer = new ByteWriter().int32(0);
  writer.compactArray(asked, ({ name, partitions }) => {
    writer.compactText(name).compactArray(partitions, ({ partition, timestamp }) => {
      const log = topics.get(name)?.partitions[partition];
      writer.int32(partition);
      writer.int16(log === undefined ? ErrorCodes.UNKNOWN_TOPIC_OR_PARTITION : ErrorCodes.NONE);
      writer.int64(-1).int64(log === undefined ? -1 : offsetAt(log, timestamp));
      writer.int32(0).noTaggedFields();
    });
    writer.noTaggedFields();
  });
  return writer.noTaggedFields();
}

function offsetAt(log: MemoryPartition, timestamp: number): number {
  if (timestamp === EARLIEST) return log.firstOffset;
  if (timestamp === LATEST) return endOffset(log);
  const index = log.records.findIndex((record) => record.timestamp >= timestamp);
  return index < 0 ? -1 : log.firstOffset + index;
}

function fetch(request: ByteCursor, { topics }: Cluster): ByteWriter {
  request.skip(4 + 4 + 4 + 4 + 1 + 4 + 4); // replica, wait, bytes from and to, isolation, session and its epoch
  const asked = request.compactArray(() => {
    const topicId = request.uuid();
    const partitions = request.compactArray(() => {
      const partition = request.int32();
      request.int32(); // leader epoch
      const offset = request.int64();
      request.skip(4 + 8); // epoch of the last fetch, start of the log
      const maxBytes = request.int32();
      request.skipTaggedFields();
      return { partition, offset, maxBytes };
    });
    request.skipTaggedFields();
    return { topicId, partitions };
  });
  const writer = new ByteWriter().int32(0).int16(ErrorCodes.NONE).int32(0);
  writer.compactArray(asked, ({ topicId, partitions }) => {
    const topic = [...topics.values()].find(({ id }) => id === topicId);
    writer.uuid(topicId).compactArray(partitions, ({ partition, offset, maxBytes }) => {
      const log = topic?.partitions[partition];
      writer.int32(partition);
      if (log === undefined) writeFetched(writer, ErrorCodes.UNKNOWN_TOPIC_ID, undefined, Buffer.alloc(0));
      else if (offset < log.firstOffset || offset > endOffset(log)) {
        writeFetched(writer, ErrorCodes.OFFSET_OUT_OF_RANGE, log, Buffer.alloc(0));
      } else writeFetched(writer, ErrorCodes.NONE, log, batchesFrom(log, offset, maxBytes));
    });
    writer.noTaggedFields();
  });
  return writer.noTaggedFields();
}

function writeFetched(writer: ByteWriter, code: number, log: MemoryPartition | undefined, records: Buffer): void {
  const end = log === undefined ? -1 : endOffset(log);
  writer
    .int16(code)
    .int64(end)
    .int64(end)
    .int64(log?.firstOffset ?? -1);
  writer.unsignedVarint(NULL).int32(-1).compactBytes(records).noTaggedFields();
}

/** Whole batches from `offset` on, until there are `maxBytes`; a batch for each run of records with one timestamp. */
function batchesFrom({ firstOffset, records }: MemoryPartition, offset: number, maxBytes: number): Buffer {
  const batches: Buffer[] = [];
  let bytes = 0;
  let run: StoredRecord[] = [];
  for (let index = offset - firstOffset; index < records.length && bytes < maxBytes; index++) {
    const record = records[index]!;
    run.push(record);
    bytes += (record.key?.length ?? 0) + (record.value?.length ?? 0);
    if (bytes < maxBytes && records[index + 1]?.timestamp === record.timestamp) continue;
    batches.push(encodeBatch(run, firstOffset + index - run.length + 1));
    run = [];
  }
  return Buffer.concat(batches);
}
