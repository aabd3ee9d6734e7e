import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** What is said on one connection, as far as it must be understood to know which request a reply belongs to. */
export interface Conversation {
  requests(chunk: Buffer): void;
  /** The names of the requests whose replies are complete with this chunk of the server's. */
  replies(chunk: Buffer): readonly string[];
}

/** A TCP proxy that can swallow one reply: the server has done what it was asked, and the client never learns it. */
export interface ReplyCutter extends AsyncDisposable {
  readonly port: number;
  /** Breaks the next connection that is about to get the reply to such a request. */
  cutReplyTo(request: string, happened: () => void): void;
  /** Lets all replies pass again. */
  disarm(): void;
  /** Breaks every connection; new ones are let through. */
  cutAll(): void;
}

export async function startReplyCutter(
  targetPort: number,
  converse: () => Conversation,
  listenOn = 0,
): Promise<ReplyCutter> {
  const sockets = new Set<Socket>();
  const armed = new Map<string, () => void>();
  const server = createServer((client) => {
    const target = connect(targetPort, "127.0.0.1");
    const conversation = converse();
    const end = () => {
      client.destroy();
      target.destroy();
    };
    for (const socket of [client, target]) {
      sockets.add(socket);
      socket.setNoDelay(true);
      socket.on("error", () => {});
      socket.on("close", () => {
        sockets.delete(socket);
        end();
      });
    }
    client.on("data", (chunk) => {
      conversation.requests(chunk);
      if (target.writable) target.write(chunk);
    });
    target.on("data", (chunk) => {
      const cut = conversation.replies(chunk).find((request) => armed.has(request));
      if (cut === undefined) {
        if (client.writable) client.write(chunk);
        return;
      }
      end();
      armed.get(cut)!();
      armed.delete(cut);
    });
  });
  server.listen(listenOn, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    cutReplyTo: (request, happened) => void armed.set(request, happened),
    disarm: () => armed.clear(),
    cutAll() {
      for (const socket of sockets) socket.destroy();
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((closed) => server.close(closed));
    },
  };
}
