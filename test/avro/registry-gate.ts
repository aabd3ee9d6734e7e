import { once } from "node:events";
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo } from "node:net";

export interface GateOptions {
  /** Lets in only who bears this. */
  readonly login?: { readonly username: string; readonly password: string };
  /** Speaks TLS. */
  readonly tls?: { readonly pfx: Buffer; readonly passphrase: string };
}

/** A door in front of a registry, as companies have them: asks for a login, speaks TLS, and can be in trouble. */
export interface RegistryGate extends AsyncDisposable {
  readonly url: string;
  /** `GET /schemas/ids/1`, in the order they came. */
  readonly requests: string[];
  /** So many requests are answered with 503. */
  trouble: number;
}

export async function openGate(target: string, { login, tls }: GateOptions = {}): Promise<RegistryGate> {
  const { port, pathname } = new URL(target);
  const requests: string[] = [];
  const expected = login && `Basic ${Buffer.from(`${login.username}:${login.password}`).toString("base64")}`;
  const handle = (incoming: IncomingMessage, response: ServerResponse) => {
    requests.push(`${incoming.method} ${incoming.url!.slice(pathname.length)}`);
    if (gate.trouble > 0) {
      gate.trouble--;
      response.writeHead(503).end("<html>try later</html>");
    } else if (expected !== undefined && incoming.headers.authorization !== expected) {
      response.writeHead(401).end('{"error_code":401,"message":"Unauthorized"}');
    } else {
      const { method, url, headers } = incoming;
      const { authorization: _, ...passed } = headers;
      const forwarded = request(
        { host: "127.0.0.1", port, method, path: url, headers: passed, agent: false },
        (answer) => {
          response.writeHead(answer.statusCode!, answer.headers);
          answer.pipe(response);
        },
      );
      incoming.pipe(forwarded);
    }
  };
  const server = (tls ? createSecureServer(tls, handle) : createServer(handle)).listen(0, "127.0.0.1");
  await once(server, "listening");
  const gate: RegistryGate = {
    url: `${tls ? "https" : "http"}://localhost:${(server.address() as AddressInfo).port}${pathname}`,
    requests,
    trouble: 0,
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
  return gate;
}
