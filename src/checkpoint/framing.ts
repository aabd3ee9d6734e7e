import { crc32 } from "node:zlib";
import { MillraceError } from "../model/errors.ts";

/** How entries lie in a segment. Documented in docs/checkpoint-format.md. */

/** Since 2 the completion of a batch names partitions, and so does what sinks have come to. */
const VERSION = 2;
const OLDEST_VERSION = 1;

/** Length and checksum of the payload, the version of the format, and a checksum of these. */
const HEADER_BYTES = 13;
const VERSION_AT = 8;
const HEADER_CHECKSUM_AT = 9;

/** An entry is plain data, kept as JSON. */
export function encodeEntry(entry: object): Uint8Array {
  const payload = Buffer.from(JSON.stringify(entry));
  const bytes = Buffer.allocUnsafe(HEADER_BYTES + payload.length);
  bytes.writeUInt32BE(payload.length, 0);
  bytes.writeUInt32BE(crc32(payload), 4);
  bytes.writeUInt8(VERSION, VERSION_AT);
  bytes.writeUInt32BE(crc32(bytes.subarray(0, HEADER_CHECKSUM_AT)), HEADER_CHECKSUM_AT);
  payload.copy(bytes, HEADER_BYTES);
  return bytes;
}

export interface DecodedSegment<E> {
  readonly entries: readonly E[];
  /** Where the last whole entry begins, and where it ends. What follows is one that was being written when its driver died. */
  readonly last: number;
  readonly length: number;
}

/**
 * Reads a segment up to `limit`. Only an incomplete last entry is cut off; anything else that is not whole is damage.
 * @throws CHECKPOINT_CORRUPT naming place and position
 */
export function decodeSegment<E>(bytes: Uint8Array, place: string, limit = bytes.length): DecodedSegment<E> {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(limit, bytes.length));
  const entries: E[] = [];
  let last = 0;
  let position = 0;
  while (position + HEADER_BYTES <= buffer.length) {
    const header = buffer.subarray(position, position + HEADER_BYTES);
    if (!isHeader(header)) {
      if (isTornTail(buffer, position)) break;
      throw corrupt(place, position, "what should be the head of an entry is none");
    }
    const version = header.readUInt8(VERSION_AT);
    if (!isKnown(version)) throw anotherVersion(place, position, version);
    const end = position + HEADER_BYTES + header.readUInt32BE(0);
    if (end > buffer.length) break;
    const payload = buffer.subarray(position + HEADER_BYTES, end);
    if (crc32(payload) !== header.readUInt32BE(4)) {
      if (isTornTail(buffer, position)) break;
      throw corrupt(place, position, "the checksum of an entry does not match");
    }
    entries.push(JSON.parse(payload.toString()) as E);
    last = position;
    position = end;
  }
  return { entries, last, length: position };
}

const isKnown = (version: number) => version >= OLDEST_VERSION && version <= VERSION;

function isHeader(header: Buffer): boolean {
  return crc32(header.subarray(0, HEADER_CHECKSUM_AT)) === header.readUInt32BE(HEADER_CHECKSUM_AT);
}

/**
 * Whether nothing whole follows. The sectors of an entry reach the disk in any order, so when the power fails some of the last one may be there
 * and others not, its head among them. An entry is appended when the one before is synced: with a whole one behind it, it is damaged.
 */
function isTornTail(buffer: Buffer, position: number): boolean {
  for (let at = position + 1; at + HEADER_BYTES <= buffer.length; at++) {
    if (!isKnown(buffer[at + VERSION_AT]!)) continue;
    const header = buffer.subarray(at, at + HEADER_BYTES);
    const end = at + HEADER_BYTES + header.readUInt32BE(0);
    if (end > buffer.length || !isHeader(header)) continue;
    if (crc32(buffer.subarray(at + HEADER_BYTES, end)) === header.readUInt32BE(4)) return false;
  }
  return true;
}

function anotherVersion(place: string, position: number, version: number): MillraceError {
  return new MillraceError(
    "CHECKPOINT_OF_ANOTHER_VERSION",
    `${place} has format version ${version} at position ${position}; this release reads version ${OLDEST_VERSION} to ${VERSION}.`,
    { hint: "Run it with the release that wrote it, or start with another checkpointDirectory." },
  );
}

export function corrupt(place: string, position: number, why: string): MillraceError {
  return new MillraceError("CHECKPOINT_CORRUPT", `${place} is damaged at position ${position}: ${why}.`, {
    hint: "Restore the checkpoint from a copy, or start with another checkpointDirectory and fromOffsets.",
  });
}
