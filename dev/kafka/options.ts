import { parseArgs } from "node:util";
import type { KafkaOptions } from "./start-kafka.ts";

export const usage = `Usage: npm run kafka [-- options]

A local Apache Kafka in the foreground, until Ctrl-C.

  --brokers N    1 or 3
  --port P       of the first broker, the others follow; by default one that is free
  --data FOLDER  keep what is written there; by default it is gone with the broker
  --help         show this`;

/** A command line that cannot be followed. */
export class UsageError extends Error {}

/** @returns what to start; "help" when that is what was asked for. */
export function parseOptions(args: readonly string[]): KafkaOptions | "help" {
  const { brokers, port, data, help } = parse(args);
  if (help) return "help";
  if (brokers !== "1" && brokers !== "3") throw new UsageError(`--brokers is 1 or 3, not ${brokers}.`);
  const count = brokers === "3" ? 3 : 1;
  const first = port === undefined ? undefined : Number(port);
  if (first !== undefined && !(Number.isInteger(first) && first > 0 && first + count - 1 <= 65_535)) {
    throw new UsageError(`--port takes the number of a port, not "${port}".`);
  }
  return {
    brokers: count,
    fast: "run",
    ...(first === undefined ? {} : { ports: Array.from({ length: count }, (_, index) => first + index) }),
    ...(data === undefined ? {} : { dataDirectory: data }),
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        brokers: { type: "string", default: "1" },
        port: { type: "string" },
        data: { type: "string" },
        help: { type: "boolean", short: "h", default: false },
      },
    }).values;
  } catch (error) {
    throw new UsageError((error as Error).message.split(/\.?\s*\n|\. /)[0]!.replace(/\.?$/, "."));
  }
}
