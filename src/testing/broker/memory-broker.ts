import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { ByteCursor } from "../../kafka/connection/byte-cursor.ts";
import { ByteWriter } from "../../kafka/connection/byte-writer.ts";
import { ANSWERS } from "./answers.ts";
import type { MemoryTopic } from "./memory-topics.ts";

const LENGTH_BYTES = 4;

/**
 * Topics in memory behind Kafka's protocol, on a port of this machine: so a job under test reads them by all the code it reads Kafka by,
 * in this process and on threads.
 */
export class MemoryBroker implements AsyncDisposable {
  readonly #topics: ReadonlyMap<string, MemoryTopic>;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(topics: ReadonlyMap<string, MemoryTopic>) {
    this.#topics = topics;
    this.#server = createServer({ noDelay: true }, (socket) => this.#serve(socket));
  }

  static async start(topics: ReadonlyMap<string, MemoryTopic>): Promise<MemoryBroker> {
    const broker = new MemoryBroker(topics);
    broker.#server.listen(0, "127.0.0.1");
    await once(broker.#server, "listening");
    return broker;
  }

  /** As for "bootstrap.servers". */
  get address(): string {
    return `127.0.0.1:${this.#port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }

  get #port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    let received = Buffer.alloc(0);
    socket.on("data", (bytes) => {
      received = Buffer.concat([received, bytes]);
      while (received.length >= LENGTH_BYTES) {
        const end = LENGTH_BYTES + received.readInt32BE(0);
        if (received.length < end) return;
        this.#answer(socket, new ByteCursor(received.subarray(LENGTH_BYTES, end)));
        received = received.subarray(end);
      }
    });
    // A job that is killed leaves without saying goodbye.
    socket.on("error", () => {});
    socket.on("close", () => this.#sockets.delete(socket));
  }

  #answer(socket: Socket, request: ByteCursor): void {
    const key = request.int16();
    const version = request.int16();
    const correlationId = request.int32();
    request.text(request.int16()); // client id
    request.skipTaggedFields();
    const known = ANSWERS.get(key);
    if (known?.version !== version) {
      // As Kafka does with what it does not understand.
      socket.destroy();
      return;
    }
    const { bytes } = known.answer(request, { topics: this.#topics, port: this.#port });
    const frame = new ByteWriter().int32(0).int32(correlationId).noTaggedFields().raw(bytes).bytes;
    frame.writeInt32BE(frame.length - LENGTH_BYTES, 0);
    socket.write(frame);
  }
}
