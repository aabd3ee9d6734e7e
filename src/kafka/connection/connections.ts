import { isIP } from "node:net";
import type { Connection, ConnectionOptions } from "@platformatic/kafka";
import type { ResolvedKafkaParams } from "../kafka-params.ts";
import { type BrokerAddress, formatAddress } from "./broker-address.ts";
import { BrokerSocket, TlsMismatch } from "./broker-socket.ts";
import { loadClient } from "./client.ts";
import { AuthenticationError } from "./sasl.ts";

/** A fetch may wait at the broker and blocks what comes behind it on its socket, so it has sockets of its own. */
export type Purpose = "control" | "fetch";

const CONNECT_TIMEOUT_MS = 3_000;
const CONTROL_TIMEOUT_MS = 5_000;
const FETCH_TIMEOUT_MS = 30_000;
const PRODUCE_TIMEOUT_MS = 30_000;

/** One open connection for each broker and purpose. A broken one is dropped and opened again when it is asked for. */
export class BrokerConnections {
  readonly #params: ResolvedKafkaParams;
  readonly #sockets = new Map<string, Promise<BrokerSocket>>();
  readonly #clients = new Map<string, Promise<Connection>>();
  #closed = false;

  constructor(params: ResolvedKafkaParams) {
    this.#params = params;
  }

  async socket(address: BrokerAddress, purpose: Purpose): Promise<BrokerSocket> {
    const key = `${purpose} ${formatAddress(address)}`;
    const opening = this.#sockets.get(key) ?? this.#open(key, address, purpose);
    const socket = await opening;
    if (socket.usable) return socket;
    socket.retire();
    if (this.#sockets.get(key) === opening) this.#sockets.delete(key);
    return await this.socket(address, purpose);
  }

  /** A connection of the client's, for requests of writers. */
  client(address: BrokerAddress): Promise<Connection> {
    const key = formatAddress(address);
    const existing = this.#clients.get(key);
    if (existing !== undefined) return existing;
    const drop = () => {
      if (this.#clients.get(key) === connection) this.#clients.delete(key);
    };
    const connection = this.#connectClient(address, drop);
    connection.catch(drop);
    this.#clients.set(key, connection);
    return connection;
  }

  async close(): Promise<void> {
    this.#closed = true;
    const sockets = await Promise.allSettled(this.#sockets.values());
    const clients = await Promise.allSettled(this.#clients.values());
    this.#sockets.clear();
    this.#clients.clear();
    for (const result of sockets) if (result.status === "fulfilled") result.value.close();
    await Promise.all(clients.map((result) => (result.status === "fulfilled" ? result.value.close() : undefined)));
  }

  #open(key: string, address: BrokerAddress, purpose: Purpose): Promise<BrokerSocket> {
    if (this.#closed) return Promise.reject(new Error("the cluster is closed"));
    const opening = BrokerSocket.open(address, this.#params, {
      connectMs: CONNECT_TIMEOUT_MS,
      requestMs: purpose === "control" ? CONTROL_TIMEOUT_MS : FETCH_TIMEOUT_MS + this.#params.fetchMaxWaitMs,
    });
    this.#sockets.set(key, opening);
    opening.catch(() => {
      if (this.#sockets.get(key) === opening) this.#sockets.delete(key);
    });
    return opening;
  }

  async #connectClient(address: BrokerAddress, drop: () => void): Promise<Connection> {
    const client = await loadClient();
    if (this.#closed) throw new Error("the cluster is closed");
    const connection = new client.Connection(this.#params.clientId, this.#clientOptions(address));
    // Errors reach the request that meets them; without a listener they would end the process.
    connection.on("error", drop);
    connection.on("close", drop);
    await connection.connect(address.host, address.port);
    return connection;
  }

  #clientOptions({ host }: BrokerAddress): ConnectionOptions {
    const { tls, sasl } = this.#params;
    const options: ConnectionOptions = { connectTimeout: CONNECT_TIMEOUT_MS, requestTimeout: PRODUCE_TIMEOUT_MS };
    if (tls !== undefined) {
      options.tls = tls;
      if (isIP(host) === 0) options.tlsServerName = host;
    }
    if (sasl !== undefined) options.sasl = sasl;
    return options;
  }
}

/**
 * Why no retry can help: the broker wants other credentials, or TLS does not come about. Undefined for what may pass, such as a
 * broker that restarts.
 */
export function refusalIn(error: unknown): string | undefined {
  for (const cause of causesOf(error)) {
    if (cause instanceof AuthenticationError || cause instanceof TlsMismatch) return cause.message;
    const code = "code" in cause ? String(cause.code) : "";
    if (code === "PLT_KFK_AUTHENTICATION" || code === "PLT_KFK_USER") return cause.message;
    if (code === "EPROTO" || /^(ERR_TLS|ERR_SSL|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_)/.test(code)) {
      return `TLS failed: ${cause.message}`;
    }
  }
  return undefined;
}

/** The innermost sentence of an error: "connect ECONNREFUSED 127.0.0.1:9092" says more than "Connection failed". */
export function rootMessageOf(error: unknown): string {
  const causes = causesOf(error);
  return causes.findLast((cause) => cause.message !== "")?.message ?? String(error);
}

function causesOf(error: unknown): Error[] {
  if (!(error instanceof Error)) return [];
  const parts = error instanceof AggregateError ? (error.errors as unknown[]) : [];
  return [error, ...[error.cause, ...parts].flatMap(causesOf)];
}
