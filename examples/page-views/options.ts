import { parseArgs } from "node:util";

export interface DemoOptions {
  /** Ends after this many page views; without it the demo goes on until Ctrl-C. */
  readonly records: number | undefined;
  /** The result as one line of JSON. */
  readonly json: boolean;
}

export const usage = `Usage: npm start [-- options]

Starts Apache Kafka (or uses KAFKA_BROKERS=host:port), feeds a topic with page views and counts them by country.

  --records N   feed exactly N page views, count them all, stop
  --json        end with one line of JSON on stdout; the progress goes to stderr
  --help        show this`;

/** A command line that cannot be followed. */
export class UsageError extends Error {}

/** @returns what to do; "help" when that is what was asked for. */
export function parseOptions(args: readonly string[]): DemoOptions | "help" {
  const { records, json, help } = parse(args);
  if (help) return "help";
  if (records === undefined) return { records, json };
  const count = /^\d+$/.test(records) ? Number(records) : Number.NaN;
  if (!Number.isSafeInteger(count) || count === 0) {
    throw new UsageError(`--records takes a whole number from 1, not "${records}".`);
  }
  return { records: count, json };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        records: { type: "string" },
        json: { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
      },
    }).values;
  } catch (error) {
    throw new UsageError((error as Error).message.split(/\.?\s*\n|\. /)[0]!.replace(/\.?$/, "."));
  }
}
