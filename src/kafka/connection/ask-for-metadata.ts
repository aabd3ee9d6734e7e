import type { BrokerAddress } from "./broker-address.ts";
import type { BrokerSocket } from "./broker-socket.ts";
import type { ByteCursor } from "./byte-cursor.ts";
import { ByteWriter } from "./byte-writer.ts";
import type { PartitionInfo } from "./metadata.ts";

const METADATA = { key: 3, version: 12, flexible: true };
/** In a request that names its topics. */
const NO_ID = "00000000-0000-0000-0000-000000000000";
const NULL_ARRAY = 0;

/** What a broker knows, as it says it. */
export interface MetadataAnswer {
  readonly throttleTimeMs: number;
  readonly brokers: readonly (BrokerAddress & { readonly nodeId: number })[];
  readonly topics: readonly {
    readonly code: number;
    readonly name: string;
    readonly topicId: string;
    readonly isInternal: boolean;
    readonly partitions: readonly PartitionInfo[];
  }[];
}

/** About these topics, or about all. Creates none. */
export async function askForMetadata(socket: BrokerSocket, topics: readonly string[] | null): Promise<MetadataAnswer> {
  const writer = new ByteWriter();
  if (topics === null) writer.unsignedVarint(NULL_ARRAY);
  else writer.compactArray(topics, (name) => writer.uuid(NO_ID).compactText(name).noTaggedFields());
  const mayCreate = false;
  const withPermissions = false;
  const { bytes } = writer.boolean(mayCreate).boolean(withPermissions).noTaggedFields();
  return parse(await socket.request({ ...METADATA, body: bytes }));
}

function parse(cursor: ByteCursor): MetadataAnswer {
  const throttleTimeMs = cursor.int32();
  const brokers = cursor.compactArray(() => {
    const broker = { nodeId: cursor.int32(), host: cursor.compactText() ?? "", port: cursor.int32() };
    cursor.compactText(); // rack
    cursor.skipTaggedFields();
    return broker;
  });
  cursor.compactText(); // cluster id
  cursor.int32(); // controller
  return { throttleTimeMs, brokers, topics: cursor.compactArray(() => parseTopic(cursor)) };
}

function parseTopic(cursor: ByteCursor): MetadataAnswer["topics"][number] {
  const topic = {
    code: cursor.int16(),
    name: cursor.compactText() ?? "",
    topicId: cursor.uuid(),
    isInternal: cursor.boolean(),
    partitions: cursor.compactArray(() => parsePartition(cursor)),
  };
  cursor.int32(); // permissions
  cursor.skipTaggedFields();
  return topic;
}

function parsePartition(cursor: ByteCursor): PartitionInfo {
  cursor.int16(); // an error shows as a leader of -1
  const info = { partition: cursor.int32(), leader: cursor.int32(), leaderEpoch: cursor.int32() };
  const replicas = cursor.compactLength();
  cursor.skip(4 * replicas);
  // those in sync, those offline
  for (let list = 0; list < 2; list++) cursor.skip(4 * cursor.compactLength());
  cursor.skipTaggedFields();
  return { ...info, replicas };
}
