import { parseArgs } from "node:util";
import type { SinkName } from "./driver/sinks.ts";

export const usage = `npm run chaos -- [options]

Strikes jobs again and again by a seeded schedule, and then counts every record in every sink. Starts three brokers and a Postgres of its own.

  --kills N       strikes (40)
  --seed N        of the schedule (1)
  --sinks a,b     of sqlite, postgres, kafka, files (all)
  --brokers LIST  uses these brokers, without the faults that need brokers of our own
  --only 3,7      carries out only these of the schedule's strikes, to see one again
  --json          no table at the end; the last line of stdout is one JSON object in any case
`;

export const SINKS: readonly SinkName[] = ["sqlite", "postgres", "kafka", "files"];

export interface ChaosOptions {
  readonly kills: number;
  readonly seed: number;
  readonly sinks: readonly SinkName[];
  readonly brokers: string | undefined;
  /** Numbers of strikes; undefined: all. */
  readonly only: readonly number[] | undefined;
  readonly json: boolean;
}

/** @returns undefined when only help is wanted. */
export function parseOptions(args: readonly string[]): ChaosOptions | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      kills: { type: "string", default: "40" },
      seed: { type: "string", default: "1" },
      sinks: { type: "string", default: SINKS.join() },
      brokers: { type: "string" },
      only: { type: "string" },
      json: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) return undefined;
  const sinks = values.sinks.split(",").map((name) => {
    const known = SINKS.find((sink) => sink === name);
    if (known === undefined) throw new Error(`--sinks: there is no "${name}"; there are ${SINKS.join(", ")}`);
    return known;
  });
  return {
    kills: wholeNumber("kills", values.kills),
    seed: wholeNumber("seed", values.seed),
    sinks,
    brokers: values.brokers,
    only: values.only?.split(",").map((number) => wholeNumber("only", number)),
    json: values.json,
  };
}

function wholeNumber(option: string, value: string): number {
  const number = Number(value);
  if (Number.isSafeInteger(number) && number >= 0) return number;
  throw new Error(`--${option} is ${JSON.stringify(value)}, not a whole number`);
}
