import { createRequire } from "node:module";

const require = createRequire(import.meta.url);

const XERIAL_MAGIC = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00]);
const XERIAL_HEADER_BYTES = 16;
/** Three bytes make 64 at most. */
const RATIO_MAX = 64 / 3;

/**
 * Java writes blocks in a frame of its own (xerial's), librdkafka one bare block. Loads the native package.
 * @throws what the package throws, or a RangeError, when it makes no sense.
 */
export function snappyDecompressor(): (compressed: Buffer) => Buffer {
  const { uncompressSync } = require("snappy") as typeof import("snappy");
  const uncompress = (block: Buffer) => {
    // The package makes room for what the block says.
    if (declaredBytes(block) > block.length * RATIO_MAX) throw new RangeError("a snappy block says too large a size");
    // A copy, since what is the package's own is only given back by a finalizer.
    return uncompressSync(block, { asBuffer: true, copyOutputData: true }) as Buffer;
  };
  return (compressed) => {
    if (!compressed.subarray(0, XERIAL_MAGIC.length).equals(XERIAL_MAGIC)) return uncompress(compressed);
    const blocks: Buffer[] = [];
    let position = XERIAL_HEADER_BYTES;
    while (position < compressed.length) {
      const start = position + 4;
      const end = start + compressed.readUInt32BE(position);
      if (end > compressed.length) throw new RangeError("a snappy block is cut off");
      blocks.push(uncompress(compressed.subarray(start, end)));
      position = end;
    }
    return blocks.length === 1 && blocks[0] !== undefined ? blocks[0] : Buffer.concat(blocks);
  };
}

/** Seven bits a byte, the lowest ones first. */
function declaredBytes(block: Buffer): number {
  let bytes = 0;
  for (const [index, byte] of block.subarray(0, 5).entries()) {
    bytes += (byte & 0x7f) * 2 ** (7 * index);
    if (byte < 0x80) break;
  }
  return bytes;
}
