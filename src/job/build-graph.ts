import type { GraphRunner } from "../graph/action.ts";
import { ActionTrap } from "../graph/action-trap.ts";
import { DeferredRunner, refusingRunner } from "../graph/deferred-runner.ts";
import { Graph } from "../graph/graph.ts";
import { JobContext } from "../graph/job-context.ts";
import { MillraceError } from "../model/errors.ts";
import type { Job } from "./job.ts";
import { resolveOptions } from "./options.ts";

export interface BuildOptions {
  /** Runs the actions of RDDs when the job has started. Only the driver can: until then, and on executors, the RDDs are plans. */
  readonly runner?: GraphRunner | undefined;
  /** Instead of the brokers that the job names. */
  readonly brokers?: string | undefined;
}

/** Runs a job's build function once. Called on the driver and on every executor, each for itself. */
export function buildGraph(
  job: Job,
  params: { readonly [name: string]: unknown },
  { runner: laterRunner, brokers }: BuildOptions = {},
): JobContext {
  const { batchIntervalMs } = resolveOptions(`Job "${job.appName}"`, job.options);
  const trap = new ActionTrap();
  const runner = new DeferredRunner(trap);
  const context = new JobContext(job.appName, batchIntervalMs, new Graph(runner, batchIntervalMs), brokers);
  const result: unknown = job.build(context, structuredClone(params) as never);
  if (result instanceof Promise) {
    result.catch(() => {});
    throw new MillraceError("ASYNC_FUNCTION", `The build function of job "${job.appName}" is async.`, {
      hint: "It must describe the graph and return. Work that waits goes into onDriver, mapAsync, foreachRDD or resource.",
    });
  }
  trap.check();
  runner.target = laterRunner ?? refusingRunner(onAnExecutor);
  context.graph.seal();
  return context;
}

function onAnExecutor(): MillraceError {
  return new MillraceError(
    "ACTION_IN_TRANSFORM",
    "An RDD was asked for its data by a function that runs on an executor.",
    {
      hint: "Only the driver can ask: in foreachRDD or onDriver. To bring two sets of records together, use union or transform.",
    },
  );
}
