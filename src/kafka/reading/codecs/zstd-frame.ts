const MAGIC_NUMBER = 0xfd2fb528;
const DESCRIPTOR_AT = 4;
/** Bits of the descriptor. */
const IS_SINGLE_SEGMENT = 0x20;
const HAS_CHECKSUM = 0x04;
const HAS_DICTIONARY = 0x03;
const BLOCK_HEADER_BYTES = 3;
const CHECKSUM_BYTES = 4;
const ONE_BYTE_REPEATED = 1;

/**
 * Whether this is one frame (RFC 8878), without a dictionary as all of Kafka's are, that ends where its bytes do. Looks at headers only, not
 * at what blocks hold.
 */
export function isOneZstdFrame(bytes: Buffer): boolean {
  if (bytes.length <= DESCRIPTOR_AT || bytes.readUInt32LE(0) !== MAGIC_NUMBER) return false;
  const descriptor = bytes[DESCRIPTOR_AT]!;
  if ((descriptor & HAS_DICTIONARY) !== 0) return false;
  let position = DESCRIPTOR_AT + 1 + fieldBytes(descriptor);
  while (position + BLOCK_HEADER_BYTES <= bytes.length) {
    const header = bytes.readUIntLE(position, BLOCK_HEADER_BYTES);
    const isLast = (header & 1) !== 0;
    const type = (header >>> 1) & 3;
    position += BLOCK_HEADER_BYTES + (type === ONE_BYTE_REPEATED ? 1 : header >>> 3);
    if (isLast) return position + (descriptor & HAS_CHECKSUM ? CHECKSUM_BYTES : 0) === bytes.length;
  }
  return false;
}

/** Of the window, which is the whole content in a single segment, and the size of the content. */
function fieldBytes(descriptor: number): number {
  const isSingleSegment = (descriptor & IS_SINGLE_SEGMENT) !== 0;
  const sizeBytes = [isSingleSegment ? 1 : 0, 2, 4, 8][descriptor >>> 6]!;
  return isSingleSegment ? sizeBytes : 1 + sizeBytes;
}
