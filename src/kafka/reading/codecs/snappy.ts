import { Blocks } from "./blocks.ts";

const XERIAL_MAGIC = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00]);
const XERIAL_HEADER_BYTES = 16;
/** Three bytes make 64 at most. */
const RATIO_MAX = 64 / 3;

/** Where a block lies behind its size, and how many bytes it says to be. */
interface Block {
  readonly start: number;
  readonly end: number;
  readonly length: number;
}

/**
 * Java writes blocks in a frame of its own (xerial's), librdkafka one bare block.
 * @throws RangeError when it makes no sense, or what WebAssembly throws when a block reaches beyond its memory.
 */
export function decompressSnappy(compressed: Buffer): Buffer {
  const blocks = blocksOf(compressed);
  let length = 0;
  for (const block of blocks) length += block.length;
  const decoder = Blocks.of(compressed, length);
  for (const { start, end, length } of blocks) {
    if (!decoder.snappy(start, end, length)) throw new RangeError("a snappy block makes no sense");
  }
  return decoder.output();
}

function blocksOf(compressed: Buffer): Block[] {
  const isFramed = compressed.subarray(0, XERIAL_MAGIC.length).equals(XERIAL_MAGIC);
  if (!isFramed) return [blockAt(compressed, 0, compressed.length)];
  const blocks: Block[] = [];
  let position = XERIAL_HEADER_BYTES;
  while (position < compressed.length) {
    const start = position + 4;
    const end = start + compressed.readUInt32BE(position);
    if (end > compressed.length) throw new RangeError("a snappy block is cut off");
    blocks.push(blockAt(compressed, start, end));
    position = end;
  }
  return blocks;
}

/** It begins with its size: seven bits a byte, the lowest ones first. */
function blockAt(compressed: Buffer, start: number, end: number): Block {
  let length = 0;
  for (let position = start; position < Math.min(start + 5, end); position++) {
    const byte = compressed[position]!;
    length += (byte & 0x7f) * 2 ** (7 * (position - start));
    if (byte > 0x7f) continue;
    // Before there is room made for it.
    if (length > (end - start) * RATIO_MAX) break;
    return { start: position + 1, end, length };
  }
  throw new RangeError("a snappy block says too large a size, or none");
}
