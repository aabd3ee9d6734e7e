import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/**
 * Stands between a client and the only broker of a cluster, and puts `damaged` in the place of `whole` in what the broker says: memory, or a network card,
 * that changes what it was given. The broker's address in its answers becomes that of the proxy, or clients would go past it.
 */
export async function startDamagingProxy(
  broker: { readonly host: string; readonly port: number },
  whole: string,
  damaged: string,
): Promise<{ readonly port: number } & AsyncDisposable> {
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
      replace(bytes, Buffer.from(whole), Buffer.from(damaged));
      client.write(bytes);
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((closed) => server.close(closed));
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
