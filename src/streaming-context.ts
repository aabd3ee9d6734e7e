import { actionsOutsideBatches, askedBeforeStart } from "./driver/actions-outside-batches.ts";
import { Driver, resolveStop } from "./driver/driver.ts";
import { storeOf } from "./driver/journal.ts";
import { threadData } from "./executor/identity.ts";
import { InProcessExecutor } from "./executor/in-process.ts";
import { DeferredRunner, refusingRunner } from "./graph/deferred-runner.ts";
import { Graph } from "./graph/graph.ts";
import { JobContext } from "./graph/job-context.ts";
import { requireFunction } from "./graph/operations.ts";
import { type JobOptions, type ResolvedOptions, resolveOptions } from "./job/options.ts";
import { systemClock } from "./model/clock.ts";
import type { Duration } from "./model/duration.ts";
import { MillraceError } from "./model/errors.ts";
import { isBoolean } from "./model/options.ts";
import type { RunningJob } from "./run-job.ts";
import { stopOnSignals } from "./stop-on-signals.ts";

export interface StreamingContextOptions extends Omit<JobOptions<{}>, "module" | "params" | "master"> {
  /** SIGINT and SIGTERM stop gracefully, a second one at once. @default false: the process is yours */
  handleSignals?: boolean | undefined;
}

/** The contexts of this process that were started and have not ended yet. */
const started: StreamingContext[] = [];

/**
 * A plain script, in this process (`local`): describe streams, start, await. For threads move the graph into {@link defineJob}, which
 * executors can import. Spark: `StreamingContext`.
 * @throws BAD_OPTION, and JOB_STARTS_ITSELF when an executor imports the script
 */
export class StreamingContext extends JobContext implements RunningJob {
  readonly #options: StreamingContextOptions;
  readonly #runner: DeferredRunner;
  #driver: Driver | undefined;
  #stoppedBeforeStart = false;

  /** The context of this process that runs, of several the one that was started last; undefined when none does. */
  static getActive(): StreamingContext | undefined {
    return started.findLast((context) => context.getState() === "ACTIVE");
  }

  /**
   * {@link getActive}, or else the context that `setup` returns, which is not started. @throws BAD_OPTION when it returns none
   */
  static getActiveOrCreate(setup: () => StreamingContext): StreamingContext {
    requireFunction("getActiveOrCreate", setup);
    const context = StreamingContext.getActive() ?? setup();
    if (context instanceof StreamingContext) return context;
    throw new MillraceError("BAD_OPTION", "The function given to getActiveOrCreate returned no StreamingContext.", {
      hint: "Make the context and describe its streams there, return it, and start it outside.",
    });
  }

  constructor(options: StreamingContextOptions) {
    if (threadData !== undefined) {
      throw new MillraceError(
        "JOB_STARTS_ITSELF",
        `${threadData.module} makes a StreamingContext while an executor imports it.`,
        {
          hint: "A StreamingContext runs in its own process. To run on threads, move the graph into defineJob.",
        },
      );
    }
    const { batchIntervalMs } = resolve(options);
    const runner = new DeferredRunner(refusingRunner(askedBeforeStart));
    super(options.appName, batchIntervalMs, new Graph(runner, batchIntervalMs));
    this.#options = options;
    this.#runner = runner;
  }

  /** Resolves when the first batch can be planned. @throws WRONG_STATE when it was started or stopped before, and what Kafka refuses */
  async start(): Promise<void> {
    if (this.#driver !== undefined || this.#stoppedBeforeStart) {
      const before = this.#stoppedBeforeStart ? "stopped" : "started";
      throw new MillraceError("WRONG_STATE", `The StreamingContext was ${before} before.`, {
        hint: "A context runs once. Make a new one.",
      });
    }
    this.graph.seal();
    const options = resolve(this.#options);
    const driver = new Driver({
      context: this,
      options,
      clock: systemClock,
      openStore: storeOf(options),
      createExecutor: () => new InProcessExecutor(() => this.graph),
    });
    this.#driver = driver;
    started.push(this);
    void driver.closed.then(() => started.splice(started.indexOf(this), 1));
    this.#runner.target = actionsOutsideBatches(driver);
    await driver.start();
    if (this.#options.handleSignals) void driver.closed.then(stopOnSignals(driver, this.#options.logger));
  }

  getState(): "INITIALIZED" | "ACTIVE" | "STOPPED" {
    return this.#driver?.state ?? (this.#stoppedBeforeStart ? "STOPPED" : "INITIALIZED");
  }

  /** Resolves after a stop; rejects with the first failure. */
  awaitTermination(): Promise<void> {
    return this.#started("awaitTermination").awaitTermination();
  }

  /** False when the time passed first. */
  awaitTerminationOrTimeout(timeout: Duration): Promise<boolean> {
    return this.#started("awaitTerminationOrTimeout").awaitTerminationOrTimeout(timeout);
  }

  /** Finishes the batch under way, at most `timeout` long. `graceful: false` ends it. Rejects with what made the stream fail. @default graceful, 30s */
  async stop(options?: { graceful?: boolean; timeout?: Duration }): Promise<void> {
    resolveStop(options);
    if (this.#driver === undefined) this.#stoppedBeforeStart = true;
    else await this.#driver.stop(options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#driver?.[Symbol.asyncDispose]();
  }

  #started(method: string): Driver {
    if (this.#driver) return this.#driver;
    throw new MillraceError("WRONG_STATE", `${method} was called before the stream was started.`, {
      hint: "Call `await ssc.start()` first.",
    });
  }
}

function resolve(options: StreamingContextOptions): ResolvedOptions {
  return resolveOptions("StreamingContext", { ...options, master: "local" }, { handleSignals: isBoolean });
}
