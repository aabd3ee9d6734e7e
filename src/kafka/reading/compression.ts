import { createRequire } from "node:module";
import { gunzipSync, zstdDecompressSync } from "node:zlib";

type Decompress = (compressed: Buffer) => Buffer;

const require = createRequire(import.meta.url);

/** By the codec bits of a batch. The native packages load when the first batch needs them. */
const codecs: readonly (Decompress | undefined)[] = [
  undefined,
  inOnePiece(gunzipSync),
  snappy,
  (compressed) => lz4().decompressFrameSync(compressed),
  inOnePiece(zstdDecompressSync),
];

/** @throws what the codec throws, or a RangeError for a codec that Kafka does not have. */
export function decompress(codec: number, compressed: Buffer): Buffer {
  const decompressBy = codecs[codec];
  if (decompressBy === undefined) throw new RangeError(`there is no codec ${codec}`);
  return decompressBy(compressed);
}

/**
 * Node asks how large a piece of output to make room for. Several pieces have to be joined, at twice the time; room that is not needed
 * costs as much, in garbage collection. So: a little more than the batches before took.
 */
function inOnePiece(decompress: (compressed: Buffer, options: { chunkSize: number }) => Buffer): Decompress {
  let expectedBytes = 64 * 1024;
  return (compressed) => {
    const bytes = decompress(compressed, { chunkSize: Math.ceil(expectedBytes) });
    expectedBytes = Math.max(1024, bytes.length * 1.125, expectedBytes * 0.95);
    return bytes;
  };
}

function lz4(): typeof import("lz4-napi") {
  return require("lz4-napi") as typeof import("lz4-napi");
}

const XERIAL_MAGIC = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00]);
const XERIAL_HEADER_BYTES = 16;

/** Java writes blocks in a frame of its own (xerial's), librdkafka one bare block. */
function snappy(compressed: Buffer): Buffer {
  const { uncompressSync } = require("snappy") as typeof import("snappy");
  const uncompress = (block: Buffer) => uncompressSync(block, { asBuffer: true }) as Buffer;
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
}
