import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** A TCP proxy to a port of the loopback, which a test can cut or stall. */
export interface TcpProxy extends AsyncDisposable {
  readonly port: number;
  /** Connections made so far. */
  readonly accepted: number;
  /** Breaks every connection. New ones are broken too until `restore()`. */
  cut(): void;
  /** Connections stay open and nothing passes, until `restore()`: a network that swallows packets. */
  stall(): void;
  /** What connections that are open now ask for still arrives, but they get no answer any more, until `restore()` or `cut()`. */
  holdAnswers(): void;
  restore(): void;
  close(): Promise<void>;
}

/** @param listenOn The proxy's own port; default: any that is free. */
export async function startTcpProxy(targetPort: number, listenOn = 0): Promise<TcpProxy> {
  const sockets = new Set<Socket>();
  const targets = new Set<Socket>();
  let state: "open" | "cut" | "stalled" = "open";
  let accepted = 0;

  const forward = (from: Socket, to: Socket) => {
    sockets.add(from);
    from.on("data", (chunk) => to.writable && to.write(chunk));
    from.on("error", () => {});
    from.on("close", () => {
      sockets.delete(from);
      to.destroy();
    });
    if (state === "stalled") from.pause();
  };

  const server = createServer((client) => {
    accepted++;
    if (state === "cut") {
      client.resetAndDestroy();
      return;
    }
    const target = connect(targetPort, "127.0.0.1");
    targets.add(target);
    target.on("close", () => targets.delete(target));
    forward(client, target);
    forward(target, client);
  });
  server.listen(listenOn, "127.0.0.1");
  await once(server, "listening");

  const close = async () => {
    for (const socket of sockets) socket.destroy();
    if (server.listening) await new Promise((closed) => server.close(closed));
  };
  return {
    port: (server.address() as AddressInfo).port,
    get accepted() {
      return accepted;
    },
    cut() {
      state = "cut";
      for (const socket of sockets) socket.resetAndDestroy();
    },
    stall() {
      state = "stalled";
      for (const socket of sockets) socket.pause();
    },
    holdAnswers() {
      for (const target of targets) target.pause();
    },
    restore() {
      state = "open";
      for (const socket of sockets) socket.resume();
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}
