import { parseArgs } from "node:util";

export interface DemoOptions {
  /** Ends after this many page views; without it the demo goes on until Ctrl-C. */
  readonly records: number | undefined;
  /** The result as one line of JSON. */
  readonly json: boolean;
  /** Kills the driver half way. */
  readonly kill: boolean;
  /** Forgets what the runs before have counted. */
  readonly reset: boolean;
  /** The folder for what must last from run to run. */
  readonly home: string | undefined;
}

export const usage = `Usage: npm start [-- options]

Starts Apache Kafka (or uses KAFKA_BROKERS=host:port), feeds a topic with page views and counts them by country in a SQLite table.
Started again after Ctrl-C, or after kill -9, it goes on where it stood.

  --reset       begin at zero
  --home DIR    keep what must last there; by default in .cache/demo
  --records N   feed exactly N page views to a topic of this run, count them all, stop
  --kill        with --records: kill the driver half way and start it again
  --json        end with one line of JSON on stdout; the progress goes to stderr
  --help        show this`;

/** A command line that cannot be followed. */
export class UsageError extends Error {}

/** @returns what to do; "help" when that is what was asked for. */
export function parseOptions(args: readonly string[]): DemoOptions | "help" {
  const { records, json, kill, reset, home, help } = parse(args);
  if (help) return "help";
  if (records === undefined) {
    if (kill) throw new UsageError("--kill needs --records N: half of how many?");
    return { records, json, kill, reset, home };
  }
  const count = /^\d+$/.test(records) ? Number(records) : Number.NaN;
  if (!Number.isSafeInteger(count) || count === 0) {
    throw new UsageError(`--records takes a whole number from 1, not "${records}".`);
  }
  return { records: count, json, kill, reset, home };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        records: { type: "string" },
        json: { type: "boolean", default: false },
        kill: { type: "boolean", default: false },
        reset: { type: "boolean", default: false },
        home: { type: "string" },
        help: { type: "boolean", short: "h", default: false },
      },
    }).values;
  } catch (error) {
    throw new UsageError((error as Error).message.split(/\.?\s*\n|\. /)[0]!.replace(/\.?$/, "."));
  }
}
