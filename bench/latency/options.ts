import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { countOf, listOf } from "../options.ts";
import type { LatencyRun } from "./run.ts";

const triggers = ["onData", "20ms", "50ms", "100ms", "1s"] as const;
const systems = ["millrace", "spark-structured"] as const;
const sinks = ["sqlite", "postgres"] as const;

export const usage = `npm run bench:latency -- [options]

Sends records at a steady rate and asks the exactly-once sink when each could be read: from the send, through a durable plan, the tasks and
the transaction of the sink. Beside it, what the disk of the checkpoint itself takes to sync a small append. Every record must arrive once.

  --systems a,b       of ${systems.join(", ")} (all; Spark writes the same rows to SQLite, in foreachBatch, with its default trigger)
  --sinks a,b         of ${sinks.join(", ")} (all)
  --triggers a,b      of ${triggers.join(", ")} (all)
  --rates a,b         records per second (1000,20000)
  --seconds N         of sending that count (20)
  --warm-up N         seconds of sending before those (10)
  --threads N         executors (one per core)
  --folder PATH       where checkpoints and SQLite files go (a temporary folder; name one on the disk that matters)
  --json              one JSON line for each result on stdout; the table goes to stderr
`;

export interface LatencyOptions {
  readonly runs: readonly LatencyRun[];
  readonly seconds: number;
  readonly warmUpSeconds: number;
  readonly threads: number;
  readonly folder: string | undefined;
  readonly json: boolean;
}

/** @returns undefined when only help is wanted. */
export function parseOptions(args: readonly string[]): LatencyOptions | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      systems: { type: "string", default: systems.join() },
      sinks: { type: "string", default: sinks.join() },
      triggers: { type: "string", default: triggers.join() },
      rates: { type: "string", default: "1000,20000" },
      seconds: { type: "string", default: "20" },
      "warm-up": { type: "string", default: "10" },
      threads: { type: "string", default: String(availableParallelism()) },
      folder: { type: "string" },
      json: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) return undefined;
  const chosenTriggers = listOf("triggers", values.triggers, triggers);
  const rates = values.rates.split(",").map((rate) => countOf("rates", rate));
  const chosenSinks = listOf("sinks", values.sinks, sinks);
  const runs = listOf("systems", values.systems, systems).flatMap((system): LatencyRun[] =>
    rates.flatMap((rate): LatencyRun[] =>
      system === "spark-structured"
        ? [{ system, sink: "sqlite", trigger: "default", rate }]
        : chosenSinks.flatMap((sink) => chosenTriggers.map((trigger) => ({ system, sink, trigger, rate }))),
    ),
  );
  return {
    runs,
    seconds: countOf("seconds", values.seconds),
    warmUpSeconds: countOf("warm-up", values["warm-up"]),
    threads: countOf("threads", values.threads),
    folder: values.folder,
    json: values.json,
  };
}
