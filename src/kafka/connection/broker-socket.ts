import { channel } from "node:diagnostics_channel";
import { connect as connectTcp, isIP, type Socket } from "node:net";
import { nodeTls } from "../../model/tls-options.ts";
import type { ResolvedKafkaParams } from "../kafka-params.ts";
import { orAborted } from "./backoff.ts";
import type { BrokerAddress } from "./broker-address.ts";
import { ByteCursor } from "./byte-cursor.ts";
import { ByteWriter } from "./byte-writer.ts";
import { authenticate } from "./sasl.ts";

/**
 * A connection to a broker. Written here because it is the hot path: that of a general client costs a third of a second and 50 MB a thread to
 * import, and copies every byte once more.
 */

/** What is asked. `body` is all behind the request's header. */
export interface BrokerRequest {
  readonly key: number;
  readonly version: number;
  /** Whether this version has tagged fields in its headers. */
  readonly flexible: boolean;
  readonly body: Buffer;
}

export interface SocketTimeouts {
  readonly connectMs: number;
  readonly requestMs: number;
}

interface Waiting {
  readonly correlationId: number;
  readonly flexible: boolean;
  resolve(answer: ByteCursor): void;
  reject(error: Error): void;
}

/** Told of each request, for whoever counts or traces them. */
const requests = channel("millrace:kafka:request");

const READ_BYTES = 64 * 1024;
const LENGTH_BYTES = 4;
/** More than any broker sends: who answers with that speaks another protocol. */
const LONGEST_ANSWER_BYTES = 1 << 30;
/** A session that ends is replaced a little before. */
const SESSION_SHARE = 0.9;

export class BrokerSocket {
  readonly #socket: Socket;
  readonly #clientId: string;
  readonly #timeouts: SocketTimeouts;
  /** In the order they were sent, which is the order of the answers. */
  readonly #waiting: Waiting[] = [];
  readonly #readBuffer = Buffer.allocUnsafeSlow(READ_BYTES);
  readonly #length = Buffer.allocUnsafe(LENGTH_BYTES);
  #lengthFilled = 0;
  #answer: Buffer | undefined;
  #answerFilled = 0;
  #nothingArrivedYet = true;
  /** For the oldest request: answers come in order, so behind one that does not come none does. Kept, as a new one costs more than its request. */
  #timer: NodeJS.Timeout | undefined;
  #correlationId = 0;
  #sessionEnd = Number.POSITIVE_INFINITY;
  #failure: Error | undefined;

  private constructor(address: BrokerAddress, params: ResolvedKafkaParams, timeouts: SocketTimeouts) {
    this.#clientId = params.clientId;
    this.#timeouts = timeouts;
    const { host, port } = address;
    const callback = (length: number, read: Uint8Array) => {
      this.#receive(read as Buffer, length);
      return true;
    };
    // Asked for before each read, so that most of a long answer goes from the kernel to where it stays.
    const buffer = () => this.#unfilled() ?? this.#readBuffer;
    const options = { host, port, noDelay: true, onread: { buffer, callback } };
    this.#socket =
      params.tls === undefined
        ? connectTcp(options)
        : nodeTls().connect({ ...(isIP(host) === 0 && { servername: host }), ...params.tls, ...options });
    this.#socket.on("error", (error) => this.#fail(error));
    this.#socket.on("close", () => this.#fail(new Error("the broker closed the connection")));
  }

  /** Connects, and authenticates where that is configured; not once `closing` is aborted. */
  static async open(
    address: BrokerAddress,
    params: ResolvedKafkaParams,
    timeouts: SocketTimeouts,
    closing: AbortSignal,
  ): Promise<BrokerSocket> {
    const opened = new BrokerSocket(address, params, timeouts);
    try {
      await orAborted(opened.#connected(params.tls === undefined ? "connect" : "secureConnect"), closing);
      if (params.sasl !== undefined) {
        // The token is waited for as well, and that is up to the user.
        const lifetimeMs = await orAborted(authenticate(opened, params.sasl), closing);
        if (lifetimeMs > 0) opened.#sessionEnd = performance.now() + lifetimeMs * SESSION_SHARE;
      }
      return opened;
    } catch (error) {
      opened.#fail(error as Error);
      throw error;
    }
  }

  /** False when another one is needed: it broke, or its session is about to end. */
  get usable(): boolean {
    return this.#failure === undefined && performance.now() < this.#sessionEnd;
  }

  /** @returns the answer's body. Nothing else shares its buffer, so records can be read from it for as long as they live. */
  request({ key, version, flexible, body }: BrokerRequest): Promise<ByteCursor> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    const header = new ByteWriter().int32(0).int16(key).int16(version);
    const correlationId = this.#correlationId;
    // A socket may live for months: the number starts again where 31 bits end.
    this.#correlationId = (correlationId + 1) & 0x7fffffff;
    header.int32(correlationId).oldText(this.#clientId);
    if (flexible) header.noTaggedFields();
    const frame = header.raw(body).bytes;
    frame.writeInt32BE(frame.length - LENGTH_BYTES, 0);
    requests.publish({ key, version });
    return new Promise((resolve, reject) => {
      this.#waiting.push({ correlationId, flexible, resolve, reject });
      if (this.#waiting.length === 1) this.#startTimer();
      this.#socket.write(frame);
    });
  }

  /** Closes as soon as nothing is under way. */
  retire(): void {
    this.#sessionEnd = 0;
    if (this.#waiting.length === 0) this.close();
  }

  /** What is under way fails. */
  close(): void {
    this.#fail(new Error("the connection was closed"));
  }

  #connected(event: "connect" | "secureConnect"): Promise<void> {
    return new Promise((resolve, reject) => {
      const { connectMs } = this.#timeouts;
      const timer = setTimeout(() => this.#fail(new Error(`no connection within ${connectMs} ms`)), connectMs);
      let reached = false;
      this.#socket.once("connect", () => {
        reached = true;
      });
      this.#socket.once(event, () => {
        clearTimeout(timer);
        resolve();
      });
      this.#socket.once("close", () => {
        clearTimeout(timer);
        reject(reached ? new TlsMismatch(`TLS failed: ${this.#failure?.message}`) : this.#failure);
      });
    });
  }

  /** The rest of an answer that is longer than a read. */
  #unfilled(): Buffer | undefined {
    const answer = this.#answer;
    if (answer === undefined || answer.length - this.#answerFilled < READ_BYTES) return undefined;
    return answer.subarray(this.#answerFilled);
  }

  #receive(read: Buffer, length: number): void {
    if (read !== this.#readBuffer) {
      this.#answerFilled += length;
      if (this.#answerFilled === this.#answer!.length) this.#settleAnswer();
      return;
    }
    const bytes = read.subarray(0, length);
    if (this.#nothingArrivedYet) this.#refuseOtherProtocols(bytes);
    this.#nothingArrivedYet = false;
    let position = 0;
    while (position < bytes.length && this.#failure === undefined) {
      position += this.#answer === undefined ? this.#readLength(bytes, position) : this.#readAnswer(bytes, position);
    }
  }

  #refuseOtherProtocols(bytes: Buffer): void {
    if (looksLikeTls(bytes)) this.#fail(new TlsMismatch("it speaks TLS, and was not asked to"));
    // A schema registry, a web interface, or what stands between.
    else if (bytes.toString("latin1", 0, 5) === "HTTP/")
      this.#fail(new Error("it speaks HTTP, so this is not the port of a broker"));
  }

  #readLength(bytes: Buffer, position: number): number {
    const taken = bytes.copy(this.#length, this.#lengthFilled, position);
    this.#lengthFilled += taken;
    if (this.#lengthFilled < LENGTH_BYTES) return taken;
    this.#lengthFilled = 0;
    const length = this.#length.readInt32BE(0);
    if (length < LENGTH_BYTES || length > LONGEST_ANSWER_BYTES) {
      this.#fail(new Error(`an answer of ${length} bytes is none of Kafka's`));
    } else {
      this.#answer = Buffer.allocUnsafeSlow(length);
      this.#answerFilled = 0;
    }
    return taken;
  }

  #readAnswer(bytes: Buffer, position: number): number {
    const answer = this.#answer!;
    const taken = bytes.copy(answer, this.#answerFilled, position);
    this.#answerFilled += taken;
    if (this.#answerFilled === answer.length) this.#settleAnswer();
    return taken;
  }

  #settleAnswer(): void {
    const answer = this.#answer!;
    this.#answer = undefined;
    this.#settle(answer);
  }

  #settle(answer: Buffer): void {
    const waiting = this.#waiting[0];
    const cursor = new ByteCursor(answer);
    if (waiting === undefined || cursor.int32() !== waiting.correlationId) {
      this.#fail(new Error("an answer belongs to no question"));
      return;
    }
    try {
      if (waiting.flexible) cursor.skipTaggedFields();
    } catch {
      this.#fail(new Error("an answer ends within its header"));
      return;
    }
    this.#waiting.shift();
    if (this.#waiting.length > 0) this.#startTimer();
    waiting.resolve(cursor);
    if (this.#sessionEnd === 0) this.retire();
  }

  #startTimer(): void {
    const { requestMs } = this.#timeouts;
    const expired = () => {
      if (this.#waiting.length > 0) this.#fail(new Error(`no answer within ${requestMs} ms`));
    };
    if (this.#timer === undefined) this.#timer = setTimeout(expired, requestMs);
    else this.#timer.refresh();
  }

  /** The first reason counts. */
  #fail(error: Error): void {
    if (this.#failure !== undefined) return;
    this.#failure = error;
    this.#socket.destroy();
    clearTimeout(this.#timer);
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }
}

/** One side speaks TLS, the other does not or not with this one. No retry helps. */
export class TlsMismatch extends Error {
  constructor(message: string) {
    super(message);
    this.name = "TlsMismatch";
  }
}

/** A TLS record: its type, and version 3 of what was called SSL. */
function looksLikeTls(bytes: Buffer): boolean {
  return bytes.length >= 2 && bytes[0]! >= 0x14 && bytes[0]! <= 0x17 && bytes[1] === 3;
}
