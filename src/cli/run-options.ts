import { parseArgs } from "node:util";
import type { EngineOptions, Master } from "../job/options.ts";
import { MillraceError } from "../model/errors.ts";

export const SUPERVISE = "--supervise";

export const RUN_USAGE = `millrace run <job module> [options]

  --executors <n>            worker threads; 0 runs in this process  (default: one per core)
  --param <name>=<value>     a parameter of the job, may be repeated
  --import <module>          loaded by Node first, here and in executors, such as tsx; may be repeated
  --trigger <t>              interval, onData (as soon as there is data) or availableNow (then stop)
  --checkpoint-directory <path>  offsets and pending plans, for a restart; a directory or postgres://host/database#name
  --accept-changed-graph     run a batch that a job with other operations has planned
  --accept-changed-code      run a batch that other code of the same graph has planned
  --standby                  wait until the driver on this checkpoint has stopped, or has been silent for 30 s
  --on-record-error <p>      fail, or skip: leave out what a function throws at
  --task-max-failures <n>    tries of one task
  --task-timeout <duration>  a task that takes longer fails: 30s, 5m
  --output-timeout <duration>
  --executor-memory <MiB>    JavaScript heap per executor
  --max-rate-per-partition <records per second>
  --min-rate-per-partition <records per second>
  --backpressure             read no more than the job has shown it can process
  --initial-rate <records per second>  of a stream before that is known; turns backpressure on
  --max-batch-size <MiB>     what one batch may read
  ${SUPERVISE}                start again after a failure, with pauses from 1 s to 60 s; give the job a checkpoint
  --progress-json          one line of JSON on stdout for each batch
  --log-level <level>        debug, info, warn, error or silent  (default: info)

Options given here win over those of runJob, which win over those of defineJob.
`;

export interface RunArguments {
  readonly module: string;
  readonly imports: readonly string[];
  readonly params: readonly (readonly [name: string, value: string])[];
  readonly engine: Partial<EngineOptions>;
  readonly logLevel: string;
  readonly progressJson: boolean;
  readonly supervised: boolean;
}

const LOG_LEVELS = ["debug", "info", "warn", "error", "silent"];

/** @throws BAD_OPTION */
export function parseRunArguments(args: readonly string[]): RunArguments {
  const { values, positionals } = parse(args);
  if (positionals.length !== 1) {
    throw wrong(
      positionals.length === 0 ? "No job module was named." : `One job at a time, not ${positionals.length}.`,
    );
  }
  const logLevel = values["log-level"] ?? "info";
  if (!LOG_LEVELS.includes(logLevel)) throw wrong(`--log-level is one of ${LOG_LEVELS.join(", ")}, not "${logLevel}".`);
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

function parse(args: readonly string[]) {
  const text = { type: "string" } as const;
  const texts = { type: "string", multiple: true } as const;
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        executors: text,
        param: texts,
        import: texts,
        trigger: text,
        "checkpoint-directory": text,
        "accept-changed-graph": { type: "boolean" },
        "accept-changed-code": { type: "boolean" },
        standby: { type: "boolean" },
        "on-record-error": text,
        "task-max-failures": text,
        "task-timeout": text,
        "output-timeout": text,
        "executor-memory": text,
        "max-rate-per-partition": text,
        "min-rate-per-partition": text,
        backpressure: { type: "boolean" },
        "initial-rate": text,
        "max-batch-size": text,
        "progress-json": { type: "boolean" },
        supervise: { type: "boolean" },
        "log-level": text,
      },
    });
  } catch (error) {
    throw wrong((error as Error).message);
  }
}

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
  return new MillraceError("BAD_OPTION", message, { hint: "`millrace help` lists the options." });
}
