import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import type { Codec } from "./data/record-batch.ts";
import { type Workload, workloadNames } from "./workloads.ts";

export const usage = `npm run bench -- [options]

Measures millrace (engine) against a loop written by hand (limit) and Kafka's consumer-perf tool (java), on a broker that is started
for it, or on KAFKA_BROKERS, whose topics bench-* are made once and kept.

  --records N         records of each topic (5000000)
  --repetitions N     fresh processes of each competitor, and twice as many warm passes (5)
  --workloads a,b     of ${workloadNames.join(", ")}, memory, start-up (all)
  --codecs a,b        of none, lz4, zstd (all)
  --threads N         executors of the engine, threads of the limit (one per core)
  --json              one JSON line for each result on stdout; the table goes to stderr
`;

const rows = [...workloadNames, "memory", "start-up"] as const;
/** Those that the loop written by hand reads. */
const codecNames: readonly Codec[] = ["none", "lz4", "zstd"];

export interface BenchOptions {
  readonly records: number;
  readonly repetitions: number;
  readonly workloads: readonly Workload[];
  readonly memory: boolean;
  readonly startUp: boolean;
  readonly codecs: readonly Codec[];
  readonly threads: number;
  readonly json: boolean;
}

/** @returns undefined when only help is wanted. */
export function parseOptions(args: readonly string[]): BenchOptions | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      records: { type: "string", default: "5000000" },
      repetitions: { type: "string", default: "5" },
      workloads: { type: "string", default: rows.join() },
      codecs: { type: "string", default: codecNames.join() },
      threads: { type: "string", default: String(availableParallelism()) },
      json: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) return undefined;
  const chosen = listOf("workloads", values.workloads, rows);
  return {
    records: countOf("records", values.records),
    repetitions: countOf("repetitions", values.repetitions),
    workloads: chosen.filter((row) => row !== "memory" && row !== "start-up"),
    memory: chosen.includes("memory"),
    startUp: chosen.includes("start-up"),
    codecs: listOf("codecs", values.codecs, codecNames),
    threads: countOf("threads", values.threads),
    json: values.json,
  };
}

/** @throws Error when the text is no whole number from 1 up. */
export function countOf(option: string, given: string): number {
  const count = Number(given.replaceAll("_", ""));
  if (Number.isSafeInteger(count) && count >= 1) return count;
  throw new Error(`--${option} is a number from 1 up, not ${given}`);
}

/** The names of a list with commas, each of which must be known. */
export function listOf<T extends string>(option: string, given: string, known: readonly T[]): T[] {
  return given.split(",").map((name) => {
    const found = known.find((candidate) => candidate === name);
    if (found === undefined) throw new Error(`--${option} takes ${known.join(", ")}, not ${name}`);
    return found;
  });
}
