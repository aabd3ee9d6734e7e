import assert from "node:assert/strict";
import { test } from "node:test";
import { constants, zstdCompressSync } from "node:zlib";
import fc from "fast-check";
import { isOneZstdFrame } from "../../src/kafka/reading/codecs/zstd-frame.ts";
import { content } from "./arbitrary-content.ts";

const frame = fc
  .tuple(content, fc.boolean(), fc.boolean(), fc.constantFrom(10, 17, 21))
  .map(([bytes, hasChecksum, saysItsSize, windowLog]) =>
    zstdCompressSync(bytes, {
      params: {
        [constants.ZSTD_c_checksumFlag]: Number(hasChecksum),
        [constants.ZSTD_c_contentSizeFlag]: Number(saysItsSize),
        [constants.ZSTD_c_windowLog]: windowLog,
      },
    }),
  );

test("a zstd frame is whole as it was written, and neither cut off nor with more behind it", () => {
  fc.assert(
    fc.property(frame, fc.nat(), fc.uint8Array({ minLength: 1, maxLength: 20 }), (whole, cut, more) => {
      assert.ok(isOneZstdFrame(whole));
      assert.ok(!isOneZstdFrame(whole.subarray(0, cut % whole.length)));
      assert.ok(!isOneZstdFrame(Buffer.concat([whole, more])));
      assert.ok(!isOneZstdFrame(Buffer.concat([whole, whole])));
    }),
    { numRuns: 500 },
  );
});

test("what is no zstd frame is none, whatever it is", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => !isOneZstdFrame(Buffer.from(bytes))));
});
