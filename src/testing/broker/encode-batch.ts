import { crc32c } from "@node-rs/crc32";
import { ByteWriter } from "../../kafka/connection/byte-writer.ts";
import type { StoredRecord } from "./memory-topics.ts";

const CRC_AT = 17;
const ATTRIBUTES_AT = 21;
/** What stands before the bytes that the length of a batch counts. */
const LENGTH_ENDS_AT = 12;
const NO_PRODUCER = -1;

/** Records of one timestamp as a record batch (magic 2), as a broker keeps it. */
export function encodeBatch(records: readonly StoredRecord[], baseOffset: number): Buffer {
  const timestamp = records[0]!.timestamp;
  const writer = new ByteWriter()
    .int64(baseOffset)
    .int32(0)
    .int32(0) // leader epoch
    .int8(2)
    .int32(0)
    .int16(0) // attributes
    .int32(records.length - 1)
    .int64(timestamp)
    .int64(timestamp)
    .int64(NO_PRODUCER)
    .int16(NO_PRODUCER)
    .int32(NO_PRODUCER)
    .int32(records.length);
  for (const [offsetDelta, record] of records.entries()) {
    const body = encodeRecord(record, offsetDelta);
    writer.unsignedVarint(zigzag(body.length)).raw(body);
  }
  const { bytes } = writer;
  bytes.writeInt32BE(bytes.length - LENGTH_ENDS_AT, 8);
  bytes.writeUInt32BE(crc32c(bytes.subarray(ATTRIBUTES_AT)), CRC_AT);
  return bytes;
}

function encodeRecord({ key, value, headers }: StoredRecord, offsetDelta: number): Buffer {
  const writer = new ByteWriter().int8(0).int8(0).unsignedVarint(zigzag(offsetDelta));
  const field = (bytes: Uint8Array | null) => {
    writer.unsignedVarint(zigzag(bytes?.length ?? -1));
    if (bytes !== null) writer.raw(bytes);
  };
  field(key);
  field(value);
  writer.unsignedVarint(zigzag(headers.length));
  for (const [name, header] of headers) {
    field(Buffer.from(name));
    field(header);
  }
  return writer.bytes;
}

const zigzag = (value: number) => ((value << 1) ^ (value >> 31)) >>> 0;
