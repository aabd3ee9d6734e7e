import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { bootstrapServers } from "./kafka.ts";

/**
 * Stands between a client and the only broker of the tests: when it is disposed of, the broker is away. The broker's address in its answers becomes that
 * of the proxy, or clients would go past it. What the broker says is `damaged` on request, as by memory or a network card that fails.
 */
export async function startBrokerProxy(damage?: {
  readonly whole: string;
  readonly damaged: string;
}): Promise<{ readonly port: number } & AsyncDisposable> {
  const [host, ofBroker] = bootstrapServers().split(",")[0]!.split(":") as [string, string];
  const broker = { host, port: Number(ofBroker) };
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const target = connect(broker.port, broker.host);
    for (const [from, to] of [
      [client, target],
      [target, client],
    ] as const) {
      sockets.add(from);
      from.on("error", () => {});
      from.on("close", () => to.destroy());
    }
    client.on("data", (bytes) => target.write(bytes));
    target.on("data", (bytes) => {
      replace(bytes, addressOf(broker.host, broker.port), addressOf(broker.host, port));
      if (damage !== undefined) replace(bytes, Buffer.from(damage.whole), Buffer.from(damage.damaged));
      client.write(bytes);
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      if (server.listening) await new Promise((closed) => server.close(closed));
    },
  };
}

/** As it stands in an answer about metadata. */
function addressOf(host: string, port: number): Buffer {
  const bytes = Buffer.alloc(host.length + 4);
  bytes.write(host);
  bytes.writeInt32BE(port, host.length);
  return bytes;
}

function replace(bytes: Buffer, one: Buffer, other: Buffer): void {
  for (let at = bytes.indexOf(one); at >= 0; at = bytes.indexOf(one, at + one.length)) other.copy(bytes, at);
}
