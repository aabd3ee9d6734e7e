import type { Standby } from "../checkpoint/standby.ts";
import { NEW_WORLD } from "../checkpoint/world.ts";
import type { Executor } from "../executor/executor.ts";
import { ExecutorPool } from "../executor/pool.ts";
import { closeResources } from "../executor/resource.ts";
import type { ActionRunner } from "../graph/action.ts";
import { digest } from "../graph/graph.ts";
import type { DriverFunction, JobContext } from "../graph/job-context.ts";
import type { Node } from "../graph/node.ts";
import type { ResolvedOptions } from "../job/options.ts";
import type { Clock } from "../model/clock.ts";
import { type Duration, parseDuration, type Time } from "../model/duration.ts";
import { messageOf } from "../model/error-transfer.ts";
import { MillraceError } from "../model/errors.ts";
import type { StreamingListener } from "../model/events.ts";
import { checkedLater, checkOptions, isBoolean } from "../model/options.ts";
import { askedBeforeStart } from "./actions-outside-batches.ts";
import { stoppedWhileWaiting } from "./ask-brokers.ts";
import { BatchLoop } from "./batch-loop.ts";
import { BatchRun } from "./batch-run.ts";
import { Broadcasts } from "./broadcasts.ts";
import { closeFailed, closeInTime } from "./close.ts";
import { compareSinks } from "./compare-sinks.ts";
import { DriverSinks } from "./driver-sinks.ts";
import { FixedSources } from "./fixed-sources.ts";
import { tellCheckpoint, tellPositions } from "./found-at-start.ts";
import {
  type Journal,
  type OpenStore,
  openJournal,
  refusePlanOfAnotherGraph,
  refusePlanOfOtherCode,
} from "./journal.ts";
import { ListenerBus } from "./listener-bus.ts";
import {
  type LookingBack,
  lookingBack,
  refuseGapInState,
  refuseOtherStates,
  refuseWindowOfState,
} from "./look-back.ts";
import { allOrFirstFailure, openStreams } from "./open-streams.ts";
import type { Stream } from "./plan-batch.ts";
import type { DriverProbe } from "./probe.ts";
import { refuseUnknownReplays } from "./replay.ts";
import { reshardStates } from "./reshard-states.ts";
import { RunLog } from "./run-log.ts";
import { runningPlan } from "./running-plan.ts";
import { Slices } from "./slices.ts";
import { lasting } from "./stage-runner.ts";
import { keepsExactlyOnce, refuseIdleGraph, refuseWhatCannotRestart, streamsOf } from "./streams.ts";
import { ImmediateSums } from "./task-sums.ts";
import { type Trigger, triggerOf } from "./trigger.ts";
import { WindowBlocks } from "./window-blocks.ts";

export interface DriverParts {
  readonly context: JobContext;
  readonly options: ResolvedOptions;
  readonly createExecutor: (id: number) => Executor;
  /** Of the job's module, where it is known. */
  readonly code?: string | undefined;
  readonly clock: Clock;
  /** Where the checkpoint is kept, when the job has one. */
  readonly openStore: OpenStore | undefined;
  readonly probe?: DriverProbe | undefined;
}

export type DriverState = "INITIALIZED" | "ACTIVE" | "STOPPED";

/** One run of a job, from the first offset to the last batch. */
export class Driver {
  readonly #parts: DriverParts;
  readonly #bus: ListenerBus;
  readonly #log: RunLog | undefined;
  readonly #pool: ExecutorPool;
  readonly #streams: readonly Stream[];
  readonly #fixed = new FixedSources();
  readonly #trigger: Trigger;
  readonly #sinks: DriverSinks;
  readonly #graphDigest: string;
  readonly #back: LookingBack;
  readonly #broadcasts: Broadcasts;
  /** A graceful stop: no new batch. */
  readonly #stopping = new AbortController();
  /** A stop by force: nothing goes on. */
  readonly #force = new AbortController();
  readonly #terminated = Promise.withResolvers<void>();
  #state: DriverState = "INITIALIZED";
  #journal: Journal | undefined;
  readonly #windows = new WindowBlocks();
  #outside: BatchRun | undefined;
  #slices: Slices | undefined;
  #failureTold = false;

  constructor(parts: DriverParts) {
    const { context, options, clock, createExecutor, probe } = parts;
    this.#parts = parts;
    this.#log = options.logger && new RunLog(options.logger, options);
    if (this.#log) context.addStreamingListener(this.#log);
    this.#bus = new ListenerBus(context.listeners, options.logger);
    const warn = (fields: object, message = "") =>
      options.logger ? options.logger.warn(fields, message) : process.emitWarning(message, "MillraceWarning");
    this.#streams = streamsOf(context).map((source) => ({ source, planner: source.openPlanner(warn) }));
    this.#sinks = new DriverSinks(probe === undefined ? context.graph.outputs : [], warn);
    const fingerprint = context.graph.fingerprint();
    this.#graphDigest = digest(fingerprint);
    this.#back = lookingBack(context);
    this.#trigger = triggerOf(options, clock, this.#streams, this.#back);
    this.#broadcasts = new Broadcasts(context.graph.broadcasts, clock, this.#force.signal);
    this.#pool = new ExecutorPool({
      size: Math.max(1, options.threads),
      create: createExecutor,
      fingerprint,
      taskMaxFailures: options.taskMaxFailures,
      taskTimeoutMs: options.taskTimeoutMs,
      force: this.#force.signal,
      onTaskFailed: ({ task, attempt, executorId, error, willRetry }) => {
        const batchTime = error.at.batchTime ?? clock.now();
        const partition = task.consumers[0]?.partition ?? 0;
        this.#bus.emit("onTaskFailed", { batchTime, partition, attempt, executorId, error, willRetry });
      },
      onExecutorLost: (executorId, error) => this.#bus.emit("onExecutorLost", { executorId, error }),
    });
    // Seen by awaitTermination, or else thrown by stop.
    this.#terminated.promise.catch(() => {});
  }

  get state(): DriverState {
    return this.#state;
  }

  /** Resolves when the executors have built the same graph and the first batch can be planned, or when it has stopped as asked meanwhile. */
  async start(): Promise<void> {
    if (this.#state !== "INITIALIZED") {
      throw new MillraceError("WRONG_STATE", `The stream cannot be started: it is ${this.#state}.`, {
        hint: "Make a new StreamingContext, or call runJob again.",
      });
    }
    this.#state = "ACTIVE";
    const { clock, context } = this.#parts;
    let journal: Journal;
    try {
      refuseIdleGraph(context);
      refuseGapInState(this.#back, this.#parts.options.failedBatch);
      journal = await Promise.race([this.#prepare(), rejected(this.#force.signal)]);
    } catch (error) {
      this.#stopping.abort();
      if (error === stoppedWhileWaiting) return await this.#close(undefined);
      await this.#close(error);
      throw error;
    }
    this.#bus.emit("onStreamingStarted", { time: clock.now() });
    const nothing = { seq: 0, batchTime: clock.now(), epoch: journal.epoch, slices: {} };
    const own = lasting(journal, new WindowBlocks(), this.#broadcasts, new ImmediateSums(context.graph.accumulators));
    const { appName } = context;
    const { onRecordError } = this.#parts.options;
    const plan = runningPlan(nothing, journal, appName, this.#graphDigest, onRecordError, []);
    this.#outside = new BatchRun(context.graph, plan, this.#pool, this.#fixed, this.#force.signal, own);
    this.#slices = new Slices({
      ...this.#parts,
      ...{ pool: this.#pool, fixed: this.#fixed, force: this.#force.signal, graphDigest: this.#graphDigest },
      ...{ back: this.#back, windows: this.#windows, streams: this.#streams, journal, outside: this.#outside },
      lasting: own,
      onDataLoss: (loss) => this.#bus.emit("onDataLoss", loss),
    });
    void this.#run(journal).then(
      () => this.#close(undefined),
      (error) => this.#close(error),
    );
  }

  /** Runs the actions of RDDs that belong to no batch. */
  get outsideBatches(): ActionRunner {
    if (this.#outside) return this.#outside;
    throw askedBeforeStart();
  }

  /** See {@link GraphRunner}. */
  slice(node: Node, from: Time, to: Time): readonly ActionRunner[] {
    if (this.#slices) return this.#slices.of(node, from, to);
    throw askedBeforeStart();
  }

  /** Settles like {@link awaitTermination}, but never fails, and so tells nobody of a failure. */
  get closed(): Promise<void> {
    return this.#terminated.promise.catch(() => {});
  }

  awaitTermination(): Promise<void> {
    this.#failureTold = true;
    return this.#terminated.promise;
  }

  async awaitTerminationOrTimeout(timeout: Duration): Promise<boolean> {
    this.#failureTold = true;
    const ended = this.#terminated.promise.then(() => true);
    const waited = new AbortController();
    const { clock } = this.#parts;
    const until = clock.now() + parseDuration(timeout, "timeout");
    const timer = clock.sleepUntil(until, waited.signal).then(
      () => false,
      () => false,
    );
    try {
      return await Promise.race([ended, timer]);
    } finally {
      waited.abort();
    }
  }

  /** Finishes the batch under way, at most `timeout` long. `graceful: false` ends it. @throws what made the stream fail. */
  async stop(options: { graceful?: boolean; timeout?: Duration } = {}): Promise<void> {
    const { graceful, timeoutMs } = resolveStop(options);
    if (this.#state === "INITIALIZED") {
      this.#state = "STOPPED";
      this.#terminated.resolve();
    }
    if (graceful && this.#state === "ACTIVE") this.#log?.stopping(timeoutMs);
    this.#stopping.abort();
    if (!graceful) this.#stopByForce();
    const timer = setTimeout(() => this.#stopByForce(), timeoutMs);
    try {
      await this.#terminated.promise;
    } finally {
      clearTimeout(timer);
    }
  }

  /** A graceful stop at the end of a block. Throws no failure that awaitTermination tells already: two would hide each other. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.stop();
    } catch (error) {
      if (!this.#failureTold) throw error;
    }
  }

  addStreamingListener(listener: StreamingListener): Disposable {
    return this.#parts.context.addStreamingListener(listener);
  }

  #stopByForce(): void {
    this.#stopping.abort();
    if (!this.#force.signal.aborted && this.#state === "ACTIVE") this.#log?.stoppingByForce();
    this.#force.abort(
      new MillraceError("STOPPED", "The stream was stopped by force.", { hint: "The batch under way does not count." }),
    );
  }

  /** Starts the executors, takes over the checkpoint, finds where the streams stand and writes that down. */
  async #prepare(): Promise<Journal> {
    const { context, options, openStore } = this.#parts;
    if (openStore !== undefined) {
      refuseWhatCannotRestart(this.#streams);
      refuseWindowOfState(this.#back);
    } else refuseUnknownReplays(NEW_WORLD, options.replay);
    const executors = this.#pool.start();
    // Threads take a while to come up, so all else of the start is done beside that.
    this.#log?.starting(context.appName);
    // A job that cannot start must not take over from one that runs.
    if (openStore !== undefined) await executors;
    executors.catch(() => {});
    const journal = await openJournal(openStore, context.appName, this.#standby(), (found) => {
      this.#force.signal.throwIfAborted();
      refusePlanOfAnotherGraph(found, this.#graphDigest, options.acceptChangedGraph);
      if (keepsExactlyOnce(context)) refusePlanOfOtherCode(found, this.#parts.code, options);
      refuseOtherStates(this.#back, found, options.acceptChangedGraph);
      refuseUnknownReplays(found, options.replay);
    });
    this.#journal = journal;
    const { world } = journal;
    if (openStore !== undefined && options.logger) tellCheckpoint(journal, options.logger);
    const stop = { stopping: this.#stopping.signal, force: this.#force.signal };
    const readAgain = openStore === undefined ? [] : this.#back.windows;
    await allOrFirstFailure([executors, openStreams(this.#streams, world, readAgain, stop)]);
    // After the streams: their brokers, often the same ones, are waited for no longer than to a stop, and the wait is told.
    if (openStore !== undefined) await compareSinks(this.#sinks, journal, context.appName, this.#graphDigest, options);
    if (options.logger) tellPositions(this.#streams, options.logger);
    if (options.acceptChangedGraph) await reshardStates(journal, this.#back, options.logger);
    await this.#broadcasts.open(journal.world.pending?.plan.broadcasts);
    const unknown = this.#streams.filter(({ source }) => world.positions?.[source.name] === undefined);
    if (unknown.length > 0) {
      await journal.start(Object.fromEntries(unknown.map(({ source, planner }) => [source.name, planner.positions()])));
    }
    return journal;
  }

  #standby(): Standby | undefined {
    const { options, clock } = this.#parts;
    if (options.standbyMs === undefined) return undefined;
    options.logger?.info({ silenceMs: options.standbyMs }, "waiting for the driver that works on the checkpoint");
    return { clock, silenceMs: options.standbyMs, signal: this.#stopping.signal };
  }

  /** The batches, and beside them what onDriver was given. The first failure of either ends both. */
  async #run(journal: Journal): Promise<void> {
    let failure: { readonly error: unknown } | undefined;
    const fail = (error: unknown) => {
      failure ??= { error };
      this.#stopping.abort();
    };
    const functions = Promise.all(this.#parts.context.driverFunctions.map((run) => this.#onDriver(run).catch(fail)));
    if (this.#streams.length > 0) await this.#loop(journal).catch(fail);
    // An endpoint that onDriver opened ends with the streams it was opened for.
    if (this.#streams.length > 0) this.#stopping.abort();
    await Promise.race([functions, aborted(this.#force.signal)]);
    if (failure) throw failure.error;
  }

  #loop(journal: Journal): Promise<void> {
    return new BatchLoop({
      ...this.#parts,
      trigger: this.#trigger,
      streams: this.#streams,
      fixed: this.#fixed,
      pool: this.#pool,
      sinks: this.#sinks,
      broadcasts: this.#broadcasts,
      bus: this.#bus,
      back: this.#back,
      windows: this.#windows,
      graphDigest: this.#graphDigest,
      code: this.#parts.code,
      journal,
      stopping: this.#stopping.signal,
      force: this.#force.signal,
    }).run();
  }

  async #onDriver({ name, run }: DriverFunction): Promise<void> {
    try {
      await run({ signal: this.#stopping.signal });
    } catch (error) {
      if (MillraceError.is(error)) throw error;
      throw new MillraceError("OUTPUT_FAILED", `${name} failed: ${messageOf(error)}`, {
        hint: "The function threw; its own error is the cause. It ends the job.",
        cause: error,
        at: { operator: name },
      });
    }
  }

  /** Closes everything, whatever of it fails, and tells who waits. */
  async #close(thrown: unknown): Promise<void> {
    const { logger } = this.#parts.options;
    const failure = MillraceError.is(thrown, "STOPPED") ? undefined : thrown;
    this.#log?.ended(failure);
    for (const event of this.#outside?.skipped() ?? []) this.#bus.emit("onRecordsSkipped", event);
    this.#outside?.end();
    const closing = [this.#pool.stop(), ...this.#streams.map(({ planner }) => planner.close()), closeResources()];
    closing.push(this.#sinks.close());
    if (this.#journal) closing.push(leave(this.#journal, thrown === undefined, [...closing]));
    const notClosed = await closeInTime(closing, this.#force.signal, () => this.#stopByForce());
    if (failure !== undefined) for (const err of notClosed) logger?.error({ err }, "closing failed");
    this.#state = "STOPPED";
    const error = failure ?? (notClosed.length > 0 ? closeFailed(notClosed) : undefined);
    if (error === undefined) this.#terminated.resolve();
    else this.#terminated.reject(error);
  }
}

/** @throws BAD_OPTION */
export function resolveStop(options: { graceful?: boolean; timeout?: Duration } = {}) {
  checkOptions("stop", options, { graceful: isBoolean, timeout: checkedLater });
  const { graceful = true, timeout = "30s" } = options;
  return { graceful, timeoutMs: parseDuration(timeout, "timeout") };
}

/** When nothing of this driver works any more, another one may. */
async function leave(journal: Journal, stoppedWell: boolean, before: readonly Promise<unknown>[]): Promise<void> {
  await Promise.allSettled(before);
  try {
    if (stoppedWell) await journal.release();
  } catch (error) {
    // Whoever has taken over meanwhile does not wait for us.
    if (!MillraceError.is(error, "FENCED")) throw error;
  } finally {
    await journal.close();
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

function rejected(signal: AbortSignal): Promise<never> {
  return aborted(signal).then(() => Promise.reject(signal.reason));
}
