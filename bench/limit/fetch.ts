import { once } from "node:events";
import { connect, type Socket } from "node:net";
import type { SliceableBuffer } from "../../src/decoders/index.ts";

const PARTITION_BYTES = 1024 * 1024;
/** A response is one batch longer at most. */
const RESPONSE_BYTES = 2 * PARTITION_BYTES;
const READ_BYTES = 64 * 1024;
const MAX_WAIT_MS = 500;

/** What one thread reads of a partition. */
export interface PartitionRange {
  readonly partition: number;
  readonly from: number;
  readonly until: number;
}

/** Gets the record batches of one response; the last one may be cut off. The buffer is used again afterwards. */
export type ReadBatches = (buffer: SliceableBuffer, start: number, end: number) => void;

/**
 * Fetches a range over a socket of its own, with the next request under way while one answer is read. Two buffers take turns: nothing
 * is allocated.
 */
export class LimitReader {
  readonly #topicId: Buffer;
  readonly #range: PartitionRange;
  readonly #readBuffer = Buffer.allocUnsafeSlow(READ_BYTES);
  readonly #responses = [Buffer.allocUnsafeSlow(RESPONSE_BYTES), Buffer.allocUnsafeSlow(RESPONSE_BYTES)];
  #turn = 0;
  #filled = 0;
  #socket!: Socket;
  #arrived = Promise.withResolvers<Buffer>();

  constructor(topicId: string, range: PartitionRange) {
    this.#topicId = Buffer.from(topicId.replaceAll("-", ""), "hex");
    this.#range = range;
  }

  async connect({ host, port }: { host: string; port: number }): Promise<void> {
    const onRead = (bytes: number) => this.#receive(bytes);
    this.#socket = connect({ host, port, onread: { buffer: this.#readBuffer, callback: onRead } });
    this.#socket.setNoDelay(true);
    await once(this.#socket, "connect");
  }

  async read(readBatches: ReadBatches): Promise<void> {
    const { from, until } = this.#range;
    let answer = this.#fetch(from);
    for (let offset = from; offset < until; ) {
      const buffer = (await answer) as SliceableBuffer;
      const { start, end } = findRecords(buffer);
      offset = nextOffset(buffer, start, end);
      if (offset < until) answer = this.#fetch(offset);
      readBatches(buffer, start, end);
    }
  }

  close(): void {
    this.#socket.destroy();
  }

  #fetch(offset: number): Promise<Buffer> {
    this.#arrived = Promise.withResolvers();
    this.#filled = 0;
    this.#turn = 1 - this.#turn;
    this.#socket.write(fetchRequest(this.#topicId, this.#range.partition, offset));
    return this.#arrived.promise;
  }

  /** One answer at a time is on its way, so what arrives belongs to it. */
  #receive(bytes: number): boolean {
    const response = this.#responses[this.#turn]!;
    this.#readBuffer.copy(response, this.#filled, 0, bytes);
    this.#filled += bytes;
    const frameEnd = this.#filled < 4 ? Number.POSITIVE_INFINITY : 4 + response.readInt32BE(0);
    if (this.#filled === frameEnd) this.#arrived.resolve(response);
    return true;
  }
}

/** Fetch, version 13: of one partition, outside any session. */
function fetchRequest(topicId: Buffer, partition: number, offset: number): Buffer {
  const request = Buffer.alloc(104);
  let at = 4;
  const int8 = (value: number) => {
    at = request.writeInt8(value, at);
  };
  const int16 = (value: number) => {
    at = request.writeInt16BE(value, at);
  };
  const int32 = (value: number) => {
    at = request.writeInt32BE(value, at);
  };
  const int64 = (value: number) => {
    at = request.writeBigInt64BE(BigInt(value), at);
  };
  int16(1); // Fetch
  int16(13);
  int32(0); // correlation id
  int16(-1); // no client id
  int8(0); // no tagged fields
  int32(-1); // not a replica
  int32(MAX_WAIT_MS);
  int32(1); // at least one byte
  int32(55 * 1024 * 1024);
  int8(0); // read uncommitted
  int32(0); // no session
  int32(-1);
  int8(1 + 1); // topics
  at += topicId.copy(request, at);
  int8(1 + 1); // partitions
  int32(partition);
  int32(-1); // any leader epoch
  int64(offset);
  int32(-1); // no last fetched epoch
  int64(-1); // no log start offset
  int32(PARTITION_BYTES);
  int8(0);
  int8(0);
  int8(0 + 1); // forgotten topics
  int8(1); // empty rack id
  int8(0);
  request.writeInt32BE(at - 4, 0);
  return request.subarray(0, at);
}

/** Where the batches lie in an answer about one partition, without an error and without aborted transactions. */
function findRecords(buffer: Buffer): { start: number; end: number } {
  // length, correlation id, tags; throttle, error, session; one topic: its id; one partition: its number
  const codeAt = 4 + 4 + 1 + 4 + 2 + 4 + 1 + 16 + 1 + 4;
  const code = buffer.readInt16BE(codeAt);
  if (code !== 0) throw new Error(`the broker refused a fetch with code ${code}`);
  // error, three offsets, aborted transactions, replica to read from
  let position = codeAt + 2 + 8 + 8 + 8 + 1 + 4;
  let length = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = buffer[position++]!;
    length += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) break;
  }
  return { start: position, end: position + length - 1 };
}

/** The offset behind the last whole batch. */
function nextOffset(buffer: Buffer, start: number, end: number): number {
  let next = -1;
  for (let position = start; end - position > 12; ) {
    const batchEnd = position + 12 + buffer.readInt32BE(position + 8);
    if (batchEnd > end) break;
    next = Number(buffer.readBigInt64BE(position)) + buffer.readInt32BE(position + 23) + 1;
    position = batchEnd;
  }
  if (next < 0) throw new Error("a fetch gave no whole batch");
  return next;
}
