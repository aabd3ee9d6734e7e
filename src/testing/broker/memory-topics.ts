import { randomUUID } from "node:crypto";
import { partitionOfKey } from "../../kafka/writing/murmur2.ts";
import type { Time } from "../../model/duration.ts";
import { MillraceError } from "../../model/errors.ts";
import { isInteger } from "../../model/options.ts";

/** A record as a test sends it. */
export interface TestRecord {
  /** Says, hashed as by Kafka's clients, which partition it goes to. Without one they take turns. */
  readonly key?: string | Uint8Array | null | undefined;
  /** Goes through the job's decoders. An object is sent as JSON, null is a tombstone. */
  readonly value: string | Uint8Array | object | null;
  readonly partition?: number | undefined;
  /** @default the test's clock */
  readonly timestamp?: Time | undefined;
  readonly headers?: { readonly [name: string]: string | Uint8Array } | undefined;
}

export interface StoredRecord {
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly timestamp: Time;
  readonly headers: readonly (readonly [string, Uint8Array])[];
}

/** The log of one partition: `records[0]` has the offset `firstOffset`. */
export interface MemoryPartition {
  readonly firstOffset: number;
  readonly records: StoredRecord[];
}

export class MemoryTopic {
  readonly name: string;
  readonly id = randomUUID();
  readonly partitions: readonly MemoryPartition[];
  #turn = 0;

  constructor(name: string, firstOffsets: readonly number[]) {
    this.name = name;
    this.partitions = firstOffsets.map((firstOffset) => ({ firstOffset, records: [] }));
  }

  /** @throws BAD_OPTION */
  append(record: TestRecord, now: Time): void {
    const { timestamp = now, headers = {} } = record;
    const key = bytesOf(record.key ?? null, `The key of a record for "${this.name}"`);
    const value = bytesOf(
      typeof record.value === "object" && record.value !== null && !(record.value instanceof Uint8Array)
        ? JSON.stringify(record.value)
        : record.value,
      `The value of a record for "${this.name}"`,
    );
    this.#partition(record.partition, key).records.push({
      key,
      value,
      timestamp,
      headers: Object.entries(headers).map(([name, header]) => [name, Buffer.from(header)]),
    });
  }

  #partition(given: number | undefined, key: Uint8Array | null): MemoryPartition {
    const count = this.partitions.length;
    const number = given ?? (key === null ? this.#turn++ % count : partitionOfKey(key, count));
    const partition = this.partitions[number];
    if (partition !== undefined) return partition;
    throw new MillraceError("BAD_OPTION", `A record was sent to partition ${number} of "${this.name}".`, {
      hint: `It has the partitions 0 to ${count - 1}: topics: { "${this.name}": { partitions: ${count} } }.`,
    });
  }
}

export const endOffset = ({ firstOffset, records }: MemoryPartition) => firstOffset + records.length;

const isPartitionCount = isInteger(1, 10_000);

/** @throws BAD_OPTION when that is no number of partitions */
export function memoryTopic(
  name: string,
  partitions: number,
  fromOffsets: { readonly [partition: number]: number } = {},
): MemoryTopic {
  const wrong = isPartitionCount(partitions);
  if (wrong !== undefined) {
    throw new MillraceError("BAD_OPTION", `testJob: the partitions of "${name}" ${wrong}; it is ${partitions}.`, {
      hint: `For example topics: { "${name}": { partitions: 2 } }.`,
    });
  }
  return new MemoryTopic(
    name,
    Array.from({ length: partitions }, (_, partition) => fromOffsets[partition] ?? 0),
  );
}

function bytesOf(value: unknown, what: string): Uint8Array | null {
  if (value === null) return null;
  if (typeof value === "string" || value instanceof Uint8Array) return Buffer.from(value);
  throw new MillraceError("BAD_OPTION", `${what} is ${typeof value}.`, {
    hint: "Send a text, bytes, null, or as a value an object, which is sent as JSON.",
  });
}
