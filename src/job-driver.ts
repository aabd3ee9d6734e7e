import { actionsOutsideBatches, askedBeforeStart } from "./driver/actions-outside-batches.ts";
import { Driver, type DriverParts } from "./driver/driver.ts";
import type { Executor } from "./executor/executor.ts";
import { collectWithoutHelpers } from "./executor/heap-limits.ts";
import { InProcessExecutor } from "./executor/in-process.ts";
import { ThreadExecutor } from "./executor/thread.ts";
import { DeferredRunner, refusingRunner } from "./graph/deferred-runner.ts";
import type { JobContext } from "./graph/job-context.ts";
import { buildGraph } from "./job/build-graph.ts";
import { codeHash } from "./job/code-hash.ts";
import type { Job } from "./job/job.ts";
import { MillraceError } from "./model/errors.ts";
import { crossing } from "./shuffle/cloneable.ts";

export interface JobDriverParts extends Pick<DriverParts, "options" | "clock" | "openStore" | "probe"> {
  readonly job: Job;
  /** URL of the job's module, where it is known. */
  readonly module: string | undefined;
  readonly params: { readonly [name: string]: unknown };
  /** Instead of the brokers that the job names. */
  readonly brokers?: string | undefined;
  /** Stands between the driver and each of its executors. */
  readonly wrapExecutor?: ((executor: Executor) => Executor) | undefined;
}

/**
 * A driver that runs a job, and what the job's build function described to it.
 * @throws JOB_WITHOUT_MODULE, NOT_CLONEABLE for params, and what the build function throws
 */
export function driverOf(parts: JobDriverParts): { driver: Driver; context: JobContext } {
  const { job, module, params, options, brokers, wrapExecutor = (executor) => executor } = parts;
  crossing(params, "params");
  if (options.threads > 0 && module === undefined) {
    throw new MillraceError(
      "JOB_WITHOUT_MODULE",
      `Executors cannot import job "${job.appName}": its module is not known.`,
      {
        hint: 'Add `module: import.meta.url` to the options of defineJob, start it by `millrace run <file>`, or use master: "local".',
      },
    );
  }
  const runner = new DeferredRunner(refusingRunner(askedBeforeStart));
  const context = buildGraph(job, params, { runner, brokers });
  const code = module === undefined ? undefined : codeHash(module);
  const createExecutor = (id: number) =>
    options.threads === 0 || module === undefined
      ? new InProcessExecutor(() => buildGraph(job, params, { brokers }).graph)
      : new ThreadExecutor({ executorId: id, module, code, params, brokers }, options.executorMemoryMiB);
  if (options.threads > 0) collectWithoutHelpers(options.threads);
  const driver = new Driver({ ...parts, code, context, createExecutor: (id) => wrapExecutor(createExecutor(id)) });
  runner.target = actionsOutsideBatches(driver);
  return { driver, context };
}
