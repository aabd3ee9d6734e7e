import { isIP } from "node:net";
import type { Connection, ConnectionOptions } from "@platformatic/kafka";
import { type BrokerAddress, formatAddress } from "./broker-address.ts";
import { loadClient } from "./client.ts";
import type { ResolvedKafkaParams } from "./kafka-params.ts";

/** A fetch may wait at the broker and blocks what comes behind it on its socket, so it has sockets of its own. */
export type Purpose = "control" | "fetch" | "produce";

const CONNECT_TIMEOUT_MS = 3_000;
const CONTROL_TIMEOUT_MS = 5_000;
const FETCH_TIMEOUT_MS = 30_000;
const PRODUCE_TIMEOUT_MS = 30_000;

/** One open connection for each broker and purpose. A broken one is dropped and opened again when it is asked for. */
export class BrokerConnections {
  readonly #params: ResolvedKafkaParams;
  readonly #open = new Map<string, Promise<Connection>>();
  #closed = false;

  constructor(params: ResolvedKafkaParams) {
    this.#params = params;
  }

  get(address: BrokerAddress, purpose: Purpose): Promise<Connection> {
    const key = `${purpose} ${formatAddress(address)}`;
    const existing = this.#open.get(key);
    if (existing !== undefined) return existing;
    const drop = () => {
      if (this.#open.get(key) === connection) this.#open.delete(key);
    };
    const connection = this.#connect(address, purpose, drop);
    connection.catch(drop);
    this.#open.set(key, connection);
    return connection;
  }

  async close(): Promise<void> {
    this.#closed = true;
    const connections = await Promise.allSettled(this.#open.values());
    this.#open.clear();
    await Promise.all(connections.map((result) => (result.status === "fulfilled" ? result.value.close() : undefined)));
  }

  async #connect(address: BrokerAddress, purpose: Purpose, drop: () => void): Promise<Connection> {
    const client = await loadClient();
    if (this.#closed) throw new Error("the cluster is closed");
    const connection = new client.Connection(this.#params.clientId, this.#optionsFor(address, purpose));
    // Errors reach the request that meets them; without a listener they would end the process.
    connection.on("error", drop);
    connection.on("close", drop);
    await connection.connect(address.host, address.port);
    return connection;
  }

  #optionsFor({ host }: BrokerAddress, purpose: Purpose): ConnectionOptions {
    const { tls, sasl, fetchMaxWaitMs } = this.#params;
    const requestTimeouts = {
      control: CONTROL_TIMEOUT_MS,
      fetch: FETCH_TIMEOUT_MS + fetchMaxWaitMs,
      produce: PRODUCE_TIMEOUT_MS,
    };
    const options: ConnectionOptions = {
      connectTimeout: CONNECT_TIMEOUT_MS,
      requestTimeout: requestTimeouts[purpose],
    };
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
