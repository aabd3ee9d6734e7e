import type { EngineOptions, Master } from "../job/options.ts";
import { MillraceError } from "../model/errors.ts";
import { parseOptions } from "./arguments.ts";

export const SUPERVISE = "--supervise";
export const ADOPT = "--adopt";

export const RUN_USAGE = `millrace run <job module> [options]

  millrace run orders.ts --executors 4 --param topic=orders --checkpoint-directory checkpoint

  --executors <n>                worker threads; 0 runs in this process (default: one per core)
  --param <name>=<value>         a parameter of the job, may be repeated
  --import <module>              loaded by Node first, here and in executors, such as tsx; may be repeated
  --trigger <t>                  interval, onData (as soon as there is data) or availableNow (then stop)

  --checkpoint-directory <path>  what a restart goes on from; a directory or postgres://host/database#name
  --accept-changed-graph         accept other operations than the checkpoint knows, dropped states, other numPartitions
  --accept-changed-code          run a batch that other code of the same graph has planned
  --adopt                        take over a checkpoint or a sink that was restored or copied: see docs/guarantees.md
  --replay <batch>               first do what a batch that was left out has not done; may be repeated
  --standby                      wait until the driver on this checkpoint has stopped, or has been silent for 30 s
  ${SUPERVISE}                    start again after a failure, with pauses from 1 s to 60 s; give the job a checkpoint

  --on-record-error <p>          fail, or skip: leave out what a function throws at
  --task-max-failures <n>        tries of one task (default: 4)
  --task-timeout <duration>      a task that takes longer fails: 30s, 5m
  --output-timeout <duration>    a foreachRDD function that takes longer fails its batch
  --executor-memory <MiB>        JavaScript heap per executor

  --max-rate-per-partition <n>   records per second that a partition gives at most
  --min-rate-per-partition <n>   and at least, when it has them
  --backpressure                 read no more than the job has shown it can process
  --initial-rate <n>             records per second of a stream before that is known; turns backpressure on
  --max-batch-size <MiB>         what one batch may read (default: 512)

  --progress-json                a line of JSON on stdout for each batch
  --log-level <level>            debug, info, warn, error or silent (default: info)

Options given here win over those of defineJob. Durations are 200ms, 5s, 10m or 2h.
SIGINT and SIGTERM stop gracefully, a second one at once.
Exit codes: 0 stopped or done; 1 failed; 2 an option or the job is wrong, or somebody has to decide; 3 another driver has taken over.
`;

export interface RunArguments {
  readonly module: string;
  readonly imports: readonly string[];
  readonly params: readonly (readonly [name: string, value: string])[];
  readonly engine: Partial<EngineOptions>;
  readonly logLevel: LogLevel;
  readonly progressJson: boolean;
  readonly supervised: boolean;
}

const LOG_LEVELS = ["debug", "info", "warn", "error", "silent"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** @throws BAD_OPTION */
export function parseRunArguments(args: readonly string[]): RunArguments {
  const { values, positionals } = parseOptions(args, OPTIONS, HELP);
  if (positionals.length !== 1) {
    throw wrong(
      positionals.length === 0 ? "No job module was named." : `One job at a time, not ${positionals.length}.`,
    );
  }
  const named = values["log-level"] ?? "info";
  const logLevel = LOG_LEVELS.find((level) => level === named);
  if (logLevel === undefined) throw wrong(`--log-level is one of ${LOG_LEVELS.join(", ")}, not "${named}".`);
  const executors = numberOf("executors", values.executors);
  const initialRate = numberOf("initial-rate", values["initial-rate"]);
  return {
    module: positionals[0]!,
    imports: values.import ?? [],
    params: (values.param ?? []).map(splitParam),
    logLevel,
    progressJson: values["progress-json"] === true,
    supervised: values.supervise === true,
    engine: {
      master: executors === undefined ? undefined : executors === 0 ? "local" : (`local[${executors}]` as Master),
      trigger: values.trigger as EngineOptions["trigger"],
      checkpointDirectory: values["checkpoint-directory"],
      acceptChangedGraph: values["accept-changed-graph"],
      acceptChangedCode: values["accept-changed-code"],
      adopt: values.adopt,
      replay: values.replay?.map((seq) => numberOf("replay", seq)!),
      standby: values.standby || undefined,
      onRecordError: values["on-record-error"] as EngineOptions["onRecordError"],
      taskMaxFailures: numberOf("task-max-failures", values["task-max-failures"]),
      taskTimeout: values["task-timeout"] as EngineOptions["taskTimeout"],
      outputTimeout: values["output-timeout"] as EngineOptions["outputTimeout"],
      executorMemory: numberOf("executor-memory", values["executor-memory"]),
      maxRatePerPartition: numberOf("max-rate-per-partition", values["max-rate-per-partition"]),
      minRatePerPartition: numberOf("min-rate-per-partition", values["min-rate-per-partition"]),
      backpressure: initialRate === undefined ? values.backpressure : { initialRate },
      maxBatchSize: numberOf("max-batch-size", values["max-batch-size"]),
    },
  };
}

/** The value takes the type of the job's default: 5, true, an object; without a default it stays a text. */
export function typedParams(
  params: RunArguments["params"],
  defaults: { readonly [name: string]: unknown },
): { [name: string]: unknown } {
  const typed: { [name: string]: unknown } = {};
  for (const [name, text] of params) {
    if (!Object.hasOwn(defaults, name)) {
      throw new MillraceError("BAD_OPTION", `The job has no parameter "${name}".`, {
        hint: `It has: ${Object.keys(defaults).join(", ") || "none"}. Parameters are those with a default in defineJob.`,
      });
    }
    typed[name] = typeof defaults[name] === "string" ? text : parseJson(name, text, typeof defaults[name]);
  }
  return typed;
}

function parseJson(name: string, text: string, type: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = text;
  }
  if (typeof value === type || type === "undefined") return value;
  throw new MillraceError("BAD_OPTION", `--param ${name}=${text}: the parameter is a ${type}.`, {
    hint: `Its default in defineJob is a ${type}; give a value of that type${type === "object" ? ", as JSON" : ""}.`,
  });
}

const HELP = "`millrace help` lists the options.";

const TEXT = { type: "string" } as const;
const TEXTS = { type: "string", multiple: true } as const;
const FLAG = { type: "boolean" } as const;

const OPTIONS = {
  executors: TEXT,
  param: TEXTS,
  import: TEXTS,
  trigger: TEXT,
  "checkpoint-directory": TEXT,
  "accept-changed-graph": FLAG,
  "accept-changed-code": FLAG,
  adopt: FLAG,
  replay: TEXTS,
  standby: FLAG,
  "on-record-error": TEXT,
  "task-max-failures": TEXT,
  "task-timeout": TEXT,
  "output-timeout": TEXT,
  "executor-memory": TEXT,
  "max-rate-per-partition": TEXT,
  "min-rate-per-partition": TEXT,
  backpressure: FLAG,
  "initial-rate": TEXT,
  "max-batch-size": TEXT,
  "progress-json": FLAG,
  supervise: FLAG,
  "log-level": TEXT,
} as const;

/** Of `millrace run`, without their dashes. */
export const RUN_OPTIONS: readonly string[] = Object.keys(OPTIONS);

function splitParam(param: string): [string, string] {
  const equals = param.indexOf("=");
  if (equals < 1) throw wrong(`--param takes name=value, not "${param}".`);
  return [param.slice(0, equals), param.slice(equals + 1)];
}

function numberOf(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d+$/.test(text)) return Number(text);
  throw wrong(`--${option} takes a whole number, not "${text}".`);
}

function wrong(message: string): MillraceError {
  return new MillraceError("BAD_OPTION", message, { hint: HELP });
}
