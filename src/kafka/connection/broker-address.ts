import { MillraceError } from "../../model/errors.ts";

export interface BrokerAddress {
  readonly host: string;
  readonly port: number;
}

const DEFAULT_PORT = 9092;

/**
 * Reads `host:port,host,[::1]:9092`.
 * @throws BAD_OPTION
 */
export function parseBrokerList(list: string, option: string): readonly BrokerAddress[] {
  return list.split(",").map((entry) => parseAddress(entry.trim(), list, option));
}

export function formatAddress({ host, port }: BrokerAddress): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

function parseAddress(entry: string, list: string, option: string): BrokerAddress {
  // Listener names ("PLAINTEXT://host:9092") are pasted from broker settings now and then: they end up in the error.
  // So do entries that ";" keeps apart: as the name of a host they would be asked for until the deadline.
  const match = /^(?:\[([0-9a-fA-F:.]+(?:%\w+)?)\]|([\p{L}\p{N}._-]+))(?::(\d{1,5}))?$/u.exec(entry);
  const host = match?.[1] ?? match?.[2];
  const port = match?.[3] === undefined ? DEFAULT_PORT : Number(match[3]);
  if (host === undefined || port < 1 || port > 65_535) {
    throw new MillraceError(
      "BAD_OPTION",
      `"${option}" is not a list of brokers: ${entry === "" ? "an entry is empty" : `"${entry}" is not host:port`} in ${JSON.stringify(list)}.`,
      { hint: 'Write "host1:9092,host2:9092"; an IPv6 address goes in brackets: "[::1]:9092".' },
    );
  }
  return { host, port };
}
