import { pathToFileURL } from "node:url";
import type { Driver } from "./driver/driver.ts";
import { type OpenStore, storeOf } from "./driver/journal.ts";
import { threadData } from "./executor/identity.ts";
import { isJob, type Job } from "./job/job.ts";
import { loadJob } from "./job/load-job.ts";
import { ENGINE_CHECKS, type EngineOptions, resolveOptions } from "./job/options.ts";
import { driverOf } from "./job-driver.ts";
import { type Clock, systemClock } from "./model/clock.ts";
import type { Duration } from "./model/duration.ts";
import { MillraceError } from "./model/errors.ts";
import type { StreamingListener } from "./model/events.ts";
import { type Check, checkedLater, checkOptions, isBoolean, isObject } from "./model/options.ts";
import { stopOnSignals } from "./stop-on-signals.ts";

export interface RunOptions<P> extends EngineOptions {
  /** Wins over the defaults of defineJob. */
  params?: Partial<P> | undefined;
  /** Told from the very start; `addStreamingListener` of the running job comes after `onStreamingStarted`. */
  listeners?: readonly StreamingListener[] | undefined;
  /** Aborting it is a graceful stop. */
  signal?: AbortSignal | undefined;
  /** SIGINT and SIGTERM stop gracefully, a second one at once. @default false: the process is yours. The command line sets it. */
  handleSignals?: boolean | undefined;
  /** Told when a second signal stops it by force. @internal */
  forced?: (() => void) | undefined;
  /** @internal */
  clock?: Clock | undefined;
  /** Instead of a directory. @internal */
  openStore?: OpenStore | undefined;
}

/** Life of a running stream. `await using` stops it gracefully. */
export interface RunningJob extends AsyncDisposable {
  getState(): "INITIALIZED" | "ACTIVE" | "STOPPED";
  /** Resolves after a stop; rejects with the first failure. */
  awaitTermination(): Promise<void>;
  /** False when the time passed first. */
  awaitTerminationOrTimeout(timeout: Duration): Promise<boolean>;
  /** Finishes the batch under way, at most `timeout` long. `graceful: false` ends it. Rejects with what made the stream fail. @default graceful, 30s */
  stop(options?: { graceful?: boolean; timeout?: Duration }): Promise<void>;
  addStreamingListener(listener: StreamingListener): Disposable;
}

/**
 * Starts a job: the object that defineJob returned, or the URL or path of its module. Resolves when the executors have built the same
 * graph and the first batch can be planned, or when a graceful stop came before its brokers had answered. Called while an executor imports
 * the module it rejects with `JOB_STARTS_ITSELF`: guard it with `if (import.meta.main)`. Precedence of options: command line, these options, defineJob, default.
 * @throws BAD_OPTION, JOB_NOT_LOADABLE, JOB_THREW, JOB_WITHOUT_MODULE, JOB_STARTS_ITSELF, GRAPH_DIFFERS, STOPPED when it was stopped before it could begin, and
 * what Kafka refuses
 */
export async function runJob<P>(job: Job<P> | URL | string, options: RunOptions<P> = {}): Promise<RunningJob> {
  if (threadData !== undefined) {
    throw new MillraceError("JOB_STARTS_ITSELF", `${threadData.module} calls runJob while an executor imports it.`, {
      hint: "Guard the call: if (import.meta.main) { await runJob(...) }. Every executor imports the module to build the same graph.",
    });
  }
  checkOptions("runJob", options, {
    ...ENGINE_CHECKS,
    params: isObject,
    listeners: isListeners,
    signal: checkedLater,
    handleSignals: isBoolean,
    forced: checkedLater,
    clock: checkedLater,
    openStore: checkedLater,
  });
  const { loaded, module } = await locate(job);
  const {
    params: given,
    signal,
    handleSignals,
    forced,
    clock = systemClock,
    openStore,
    listeners = [],
    ...engineOptions
  } = options;
  const resolved = resolveOptions("runJob", { ...loaded.options, ...defined(engineOptions) });
  const params = { ...(loaded.params as object), ...defined(given ?? {}) } as { [name: string]: unknown };
  const { driver, context } = driverOf({
    job: loaded,
    module,
    params,
    options: resolved,
    clock,
    openStore: openStore ?? storeOf(resolved),
  });
  for (const listener of listeners) context.addStreamingListener(listener);
  // Asked to stop while it starts, it stops: a standby may wait for its turn for days.
  const starting = driver.start();
  const live = running(driver, signal);
  if (handleSignals) void driver.closed.then(stopOnSignals(driver, resolved.logger, forced));
  await starting;
  return live;
}

const isListeners: Check = (value) =>
  Array.isArray(value) && value.every((listener) => isObject(listener) === undefined)
    ? undefined
    : "must be a list of listeners";

/** The job and, where it is known, the URL of its module. */
async function locate<P>(job: Job<P> | URL | string): Promise<{ loaded: Job<unknown>; module: string | undefined }> {
  if (isJob(job)) return { loaded: job, module: job.module };
  if (typeof job !== "string" && !(job instanceof URL)) {
    throw new MillraceError("BAD_OPTION", "runJob takes a job, or the URL or path of its module.", {
      hint: "Pass what defineJob returned, or new URL('./job.ts', import.meta.url).",
    });
  }
  const module = job instanceof URL ? job.href : /^[a-z]{2,}:/.test(job) ? job : pathToFileURL(job).href;
  return { loaded: await loadJob(module), module };
}

/** An option that is given as undefined counts as not given. */
function defined<T extends object>(options: T): Partial<T> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Partial<T>;
}

function running(driver: Driver, signal: AbortSignal | undefined): RunningJob {
  const job: RunningJob = {
    getState: () => driver.state,
    awaitTermination: () => driver.awaitTermination(),
    awaitTerminationOrTimeout: (timeout) => driver.awaitTerminationOrTimeout(timeout),
    stop: (options) => driver.stop(options),
    addStreamingListener: (listener) => driver.addStreamingListener(listener),
    [Symbol.asyncDispose]: () => driver[Symbol.asyncDispose](),
  };
  // A failure of the stream is told by awaitTermination; here it must only not be unhandled.
  const stop = () => void driver.stop().catch(() => {});
  if (signal?.aborted) stop();
  else signal?.addEventListener("abort", stop, { once: true });
  void driver.closed.then(() => signal?.removeEventListener("abort", stop));
  return job;
}
