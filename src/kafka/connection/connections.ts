import type { ResolvedKafkaParams } from "../kafka-params.ts";
import { type BrokerAddress, formatAddress } from "./broker-address.ts";
import { BrokerSocket, TlsMismatch } from "./broker-socket.ts";
import { AuthenticationError } from "./sasl.ts";

/** A fetch may wait at the broker, a write for replicas, and both block what comes behind them on their socket: each has sockets of its own. */
export type Purpose = "control" | "fetch" | "produce";

const CONNECT_TIMEOUT_MS = 3_000;
const CONTROL_TIMEOUT_MS = 5_000;
const FETCH_TIMEOUT_MS = 30_000;
const PRODUCE_TIMEOUT_MS = 30_000;

/** One open connection for each broker and purpose. A broken one is dropped and opened again when it is asked for. */
export class BrokerConnections {
  readonly #params: ResolvedKafkaParams;
  readonly #sockets = new Map<string, Promise<BrokerSocket>>();
  readonly #closing = new AbortController();

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

  async close(): Promise<void> {
    this.#closing.abort(new Error("the cluster is closed"));
    const sockets = await Promise.allSettled(this.#sockets.values());
    this.#sockets.clear();
    for (const result of sockets) if (result.status === "fulfilled") result.value.close();
  }

  #open(key: string, address: BrokerAddress, purpose: Purpose): Promise<BrokerSocket> {
    const closing = this.#closing.signal;
    if (closing.aborted) return Promise.reject(closing.reason);
    const timeouts = { connectMs: CONNECT_TIMEOUT_MS, requestMs: this.#requestMs(purpose) };
    const opening = BrokerSocket.open(address, this.#params, timeouts, closing);
    this.#sockets.set(key, opening);
    opening.catch(() => {
      if (this.#sockets.get(key) === opening) this.#sockets.delete(key);
    });
    return opening;
  }

  #requestMs(purpose: Purpose): number {
    switch (purpose) {
      case "control":
        return CONTROL_TIMEOUT_MS;
      case "fetch":
        return FETCH_TIMEOUT_MS + this.#params.fetchMaxWaitMs;
      case "produce":
        return PRODUCE_TIMEOUT_MS;
    }
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
