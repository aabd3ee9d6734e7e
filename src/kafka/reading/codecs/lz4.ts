import { createRequire } from "node:module";
import { Blocks } from "./blocks.ts";

const require = createRequire(import.meta.url);

/** As Kafka's own producer and librdkafka write it: blocks of 64 KiB at most, none of which looks into another, and no checksums. */
const USUAL_HEADER = Buffer.from("04224d18604082", "hex");
const BLOCK_BYTES = 64 * 1024;
const IS_PLAIN = 2 ** 31;
/** A byte of a block makes 255 at most. */
const RATIO_MAX = 255;

/**
 * Frames that are not as usual, or make no sense, are left to the package.
 * @throws what the package throws, or WebAssembly when a block reaches beyond its memory.
 */
export function decompressLz4(compressed: Buffer): Buffer {
  return decodeUsual(compressed) ?? decodeAny(compressed);
}

/** @returns undefined when there is anything that is not as usual. */
function decodeUsual(frame: Buffer): Buffer | undefined {
  const room = roomFor(frame);
  if (room === undefined) return undefined;
  const decoder = Blocks.of(frame, room);
  for (let position = USUAL_HEADER.length; ; ) {
    const size = frame.readUInt32LE(position);
    if (size === 0) return decoder.output();
    const start = position + 4;
    position = start + (size % IS_PLAIN);
    if (size >= IS_PLAIN) decoder.copy(start, position);
    else if (!decoder.lz4(start, position, BLOCK_BYTES)) return undefined;
  }
}

/** @returns what the blocks make at most; undefined where the frame is not as usual. */
function roomFor(frame: Buffer): number | undefined {
  if (!frame.subarray(0, USUAL_HEADER.length).equals(USUAL_HEADER)) return undefined;
  let room = 0;
  let position = USUAL_HEADER.length;
  while (position + 4 <= frame.length) {
    const size = frame.readUInt32LE(position);
    position += 4;
    if (size === 0) return position === frame.length ? room : undefined;
    const bytes = size % IS_PLAIN;
    if (size >= IS_PLAIN && bytes > BLOCK_BYTES) return undefined;
    room += size >= IS_PLAIN ? bytes : Math.min(BLOCK_BYTES, bytes * RATIO_MAX);
    position += bytes;
  }
  return undefined;
}

function decodeAny(frame: Buffer): Buffer {
  return (require("lz4-napi") as typeof import("lz4-napi")).decompressFrameSync(frame);
}
