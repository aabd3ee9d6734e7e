import fc from "fast-check";

/** Noise, the same again at some distance, one byte many times: in pieces, up to some hundred KiB. */
export const content = fc
  .array(
    fc.oneof(
      fc.uint8Array({ maxLength: 300 }).map((noise) => (before: Buffer) => Buffer.concat([before, noise])),
      fc.tuple(fc.nat(70_000), fc.nat(2_000)).map(
        ([distance, length]) =>
          (before: Buffer) =>
            Buffer.concat([before, repeated(before, distance, length)]),
      ),
      fc.tuple(fc.nat(255), fc.nat(80_000)).map(
        ([byte, length]) =>
          (before: Buffer) =>
            Buffer.concat([before, Buffer.alloc(length, byte)]),
      ),
    ),
    { maxLength: 12 },
  )
  .map((pieces) => pieces.reduce((before, append) => append(before), Buffer.alloc(0)));

function repeated(before: Buffer, distance: number, length: number): Buffer {
  const start = Math.max(0, before.length - 1 - distance);
  return before.length === 0 ? before : Buffer.alloc(length, before.subarray(start, start + length));
}
