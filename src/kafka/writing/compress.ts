import { createRequire } from "node:module";
import { gzipSync, zstdCompressSync } from "node:zlib";

export const COMPRESSIONS = ["none", "gzip", "snappy", "lz4", "zstd"] as const;

/** By Kafka's names; the place in {@link COMPRESSIONS} is the codec's number in a record batch. */
export type Compression = (typeof COMPRESSIONS)[number];

const require = createRequire(import.meta.url);

/** The native packages load when the first batch needs them. */
export function compress(compression: Compression, bytes: Buffer): Buffer {
  switch (compression) {
    case "none":
      return bytes;
    case "gzip":
      return gzipSync(bytes);
    case "snappy":
      return (require("snappy") as typeof import("snappy")).compressSync(bytes);
    case "lz4":
      return (require("lz4-napi") as typeof import("lz4-napi")).compressFrameSync(bytes);
    case "zstd":
      return zstdCompressSync(bytes);
  }
}
