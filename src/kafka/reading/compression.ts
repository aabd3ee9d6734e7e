import { decompressLz4 } from "./codecs/lz4.ts";
import { decompressSnappy } from "./codecs/snappy.ts";
import { type Decompress, decompressorOf, gzip, zstd } from "./codecs/zlib-context.ts";

/** By the codec bits of a batch. */
const codecs: readonly (Decompress | undefined)[] = [
  undefined,
  whenNeeded(() => decompressorOf(gzip)),
  decompressSnappy,
  decompressLz4,
  whenNeeded(() => decompressorOf(zstd)),
];

/**
 * @returns bytes that the next call in this thread overwrites: copy what you keep.
 * @throws what the codec throws, or a RangeError for a codec that Kafka does not have.
 */
export function decompress(codec: number, compressed: Buffer): Uint8Array {
  const decompressBy = codecs[codec];
  if (decompressBy === undefined) throw new RangeError(`there is no codec ${codec}`);
  return decompressBy(compressed);
}

/** What a context needs is made for the first batch, and kept. */
function whenNeeded(create: () => Decompress): Decompress {
  let decompress: Decompress | undefined;
  return (compressed) => {
    decompress ??= create();
    return decompress(compressed);
  };
}
