import type { TopicPartition } from "../../model/offset-range.ts";
import type { BrokerAddress } from "./broker-address.ts";
import type { BrokerSocket } from "./broker-socket.ts";
import { readByTopic, writeByTopic } from "./by-topic.ts";
import { ByteWriter } from "./byte-writer.ts";
import { ErrorCodes, ProtocolError } from "./protocol-error.ts";

/** What there is to say about a group without being a member of it. */

const FIND_COORDINATOR = { key: 10, version: 4, flexible: true };
const OFFSET_FETCH = { key: 9, version: 8, flexible: true };
const OFFSET_COMMIT = { key: 8, version: 8, flexible: true };

const OF_A_GROUP = 0;
const NULL = 0;
const NO_GENERATION = -1;
const NO_MEMBER = "";
const UNKNOWN_EPOCH = -1;

export interface GroupOffset extends TopicPartition {
  readonly offset: number;
}

/** Asks any broker who keeps the offsets of a group. */
export async function findGroupCoordinator(anyBroker: BrokerSocket, group: string): Promise<BrokerAddress> {
  const writer = new ByteWriter().int8(OF_A_GROUP);
  const body = writer.compactArray([group], (key) => writer.compactText(key)).noTaggedFields().bytes;
  const cursor = await anyBroker.request({ ...FIND_COORDINATOR, body });
  cursor.int32(); // throttle time
  const [found] = cursor.compactArray(() => {
    cursor.compactText(); // the group
    cursor.int32(); // node id
    const address = { host: cursor.compactText() ?? "", port: cursor.int32() };
    const code = cursor.int16();
    cursor.compactText(); // the code in words
    cursor.skipTaggedFields();
    return { code, address };
  });
  if (found === undefined || found.code !== ErrorCodes.NONE) {
    throw new ProtocolError(
      found?.code ?? ErrorCodes.COORDINATOR_NOT_AVAILABLE,
      `finding the coordinator of "${group}"`,
    );
  }
  return found.address;
}

/** What the group has committed. Partitions without an offset are left out. Waits for transactions that are about to commit some. */
export async function fetchGroupOffsets(
  coordinator: BrokerSocket,
  group: string,
  partitions: readonly TopicPartition[],
): Promise<GroupOffset[]> {
  const onlyStable = true;
  const writer = new ByteWriter();
  writer.compactArray([group], () => {
    writer.compactText(group);
    writeByTopic(writer, partitions, ({ partition }) => writer.int32(partition));
    writer.noTaggedFields();
  });
  const body = writer.boolean(onlyStable).noTaggedFields().bytes;
  const cursor = await coordinator.request({ ...OFFSET_FETCH, body });
  cursor.int32(); // throttle time
  const what = `reading the offsets of "${group}"`;
  return cursor
    .compactArray(() => {
      cursor.compactText(); // the group
      const offsets = readByTopic(cursor, (topic): GroupOffset => {
        const partition = cursor.int32();
        const offset = cursor.int64();
        cursor.int32(); // leader epoch
        cursor.compactText(); // metadata
        refuse(cursor.int16(), what);
        return { topic, partition, offset };
      });
      refuse(cursor.int16(), what);
      cursor.skipTaggedFields();
      return offsets;
    })
    .flat()
    .filter(({ offset }) => offset >= 0);
}

/** As a consumer that assigns its partitions itself: only a group without members takes that. */
export async function commitGroupOffsets(
  coordinator: BrokerSocket,
  group: string,
  offsets: readonly GroupOffset[],
): Promise<void> {
  const writer = new ByteWriter().compactText(group).int32(NO_GENERATION).compactText(NO_MEMBER).unsignedVarint(NULL);
  writeByTopic(writer, offsets, ({ partition, offset }) => {
    writer.int32(partition).int64(offset).int32(UNKNOWN_EPOCH).unsignedVarint(NULL).noTaggedFields();
  });
  const cursor = await coordinator.request({ ...OFFSET_COMMIT, body: writer.noTaggedFields().bytes });
  cursor.int32(); // throttle time
  const codes = readByTopic(cursor, () => {
    cursor.int32(); // partition
    return cursor.int16();
  });
  for (const code of codes) refuse(code, `committing offsets of "${group}"`);
}

function refuse(code: number, what: string): void {
  if (code !== ErrorCodes.NONE) throw new ProtocolError(code, what);
}
