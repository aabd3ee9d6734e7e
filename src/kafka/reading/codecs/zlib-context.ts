import { constants, createGunzip, createZstdDecompress, gunzipSync, zstdDecompressSync } from "node:zlib";
import { isOneZstdFrame } from "./zstd-frame.ts";

/** @returns bytes that the next call overwrites. @throws when they make no sense. */
export type Decompress = (compressed: Buffer) => Uint8Array;

/** What node:zlib has for one codec. */
export interface ZlibCodec {
  readonly createStream: (options: { readonly chunkSize: number }) => object;
  /** Says that a write is all there is. */
  readonly finish: number;
  readonly decompress: (compressed: Buffer, options: { readonly chunkSize: number }) => Buffer;
  /** Whether a context that has read these bytes without an error is as one that was reset. */
  readonly isResetBy: (compressed: Buffer) => boolean;
}

export const gzip: ZlibCodec = {
  createStream: createGunzip,
  finish: constants.Z_FINISH,
  decompress: gunzipSync,
  isResetBy: () => false,
};

export const zstd: ZlibCodec = {
  createStream: createZstdDecompress,
  finish: constants.ZSTD_e_end,
  decompress: zstdDecompressSync,
  // A reset allocates what zstd needs anew, at up to half the time of decompressing; to be cut off is not always an error.
  isResetBy: isOneZstdFrame,
};

/** Where some bytes are, and how many. */
type Stretch = [bytes: Uint8Array, start: number, length: number];

/** The native object behind a stream of node:zlib, of which its documentation says nothing. */
interface NativeContext {
  onerror: (message: string, errno: number, code: string) => void;
  reset(): void;
  writeSync(operation: number, ...inputAndOutput: [...Stretch, ...Stretch]): void;
}

/** Versions of Node whose native objects were looked at: another one that wants other arguments would end the process. */
const KNOWN_MAJORS = [22, 24];
const FIRST_OUTPUT_BYTES = 64 * 1024;
/** Room that is larger is not kept. */
const KEPT_BYTES = 8 * 2 ** 20;

/**
 * Decompresses by one native context and into one piece of memory, which are kept: Node's own functions make both anew for each call, which
 * costs up to two thirds of the decompressing, and memory that waits to be collected. Where the context may be another than it was, they do it.
 */
export function decompressorOf(codec: ZlibCodec, nodeVersion = process.versions.node): Decompress {
  const isKnown = KNOWN_MAJORS.includes(Number.parseInt(nodeVersion, 10));
  let kept = isKnown ? KeptContext.of(codec) : undefined;
  if (kept === undefined) return inOnePiece(codec);
  return (compressed) => {
    const context = kept ?? KeptContext.of(codec)!;
    // What has failed once may go on failing: of zstd it does.
    kept = undefined;
    const bytes = context.decompress(compressed);
    kept = context;
    return bytes;
  };
}

class KeptContext {
  readonly #native: NativeContext;
  /** Bytes of room, then of input, that a write has left. */
  readonly #left: Uint32Array;
  readonly #codec: ZlibCodec;
  #isReset = true;
  #output = Buffer.allocUnsafeSlow(FIRST_OUTPUT_BYTES);
  #failure: Error | undefined;

  private constructor(native: NativeContext, left: Uint32Array, codec: ZlibCodec) {
    this.#native = native;
    this.#left = left;
    this.#codec = codec;
    native.onerror = (message, errno, code) => {
      this.#failure = Object.assign(new Error(message), { errno, code });
    };
  }

  /** @returns undefined when Node's native object is not what it was. */
  static of(codec: ZlibCodec): KeptContext | undefined {
    const stream: { _handle?: Partial<NativeContext>; _writeState?: unknown } = codec.createStream({ chunkSize: 64 });
    const { _handle: native, _writeState: left } = stream;
    const isKnown =
      typeof native?.reset === "function" &&
      typeof native.writeSync === "function" &&
      typeof native.onerror === "function" &&
      left instanceof Uint32Array &&
      left.length === 2;
    return isKnown ? new KeptContext(native as NativeContext, left, codec) : undefined;
  }

  decompress(compressed: Buffer): Uint8Array {
    // Behind a whole frame zstd takes no bytes at all for no error.
    if (!this.#isReset || compressed.length === 0) this.#native.reset();
    let output = this.#output;
    let end = 0;
    let read = 0;
    for (;;) {
      const room = output.length - end;
      this.#native.writeSync(this.#codec.finish, compressed, read, compressed.length - read, output, end, room);
      if (this.#failure !== undefined) throw this.#failure;
      const roomLeft = this.#left[0]!;
      end += room - roomLeft;
      read = compressed.length - this.#left[1]!;
      if (roomLeft > 0) break;
      output = twiceAsLarge(output);
    }
    const isKept = output.length <= KEPT_BYTES;
    if (isKept) this.#output = output;
    this.#isReset = isKept && this.#codec.isResetBy(compressed);
    return output.subarray(0, end);
  }
}

function twiceAsLarge(bytes: Buffer<ArrayBuffer>): Buffer<ArrayBuffer> {
  const larger = Buffer.allocUnsafeSlow(2 * bytes.length);
  bytes.copy(larger);
  return larger;
}

/**
 * Node asks how large a piece of output to make room for. Several pieces have to be joined, at twice the time; room that is not needed
 * costs as much, in garbage collection. So: a little more than the batches before took.
 */
function inOnePiece({ decompress }: ZlibCodec): Decompress {
  let expectedBytes = FIRST_OUTPUT_BYTES;
  return (compressed) => {
    const bytes = decompress(compressed, { chunkSize: Math.ceil(expectedBytes) });
    expectedBytes = Math.max(1024, bytes.length * 1.125, expectedBytes * 0.95);
    return bytes;
  };
}
