import { setImmediate as nextTurn } from "node:timers/promises";
import type { World } from "../checkpoint/world.ts";
import type { ExecutorPool } from "../executor/pool.ts";
import { BatchGraph } from "../graph/batch-graph.ts";
import type { JobContext } from "../graph/job-context.ts";
import type { BatchLimits, Source } from "../graph/source.ts";
import type { ResolvedOptions } from "../job/options.ts";
import type { Clock } from "../model/clock.ts";
import type { Time } from "../model/duration.ts";
import { MillraceError } from "../model/errors.ts";
import type { BatchInfo } from "../model/events.ts";
import type { BatchPlan, RunningPlan } from "../model/plan.ts";
import type { StepDurations } from "../model/progress.ts";
import { missedTicks } from "./batch-clock.ts";
import { BatchProgress } from "./batch-progress.ts";
import { BatchRun, type Lasting, lasting } from "./batch-run.ts";
import type { Broadcasts } from "./broadcasts.ts";
import type { DriverSinks } from "./driver-sinks.ts";
import { mayBeLeftOut, tryAgain } from "./failed-batch.ts";
import type { FixedSources } from "./fixed-sources.ts";
import type { Journal } from "./journal.ts";
import type { ListenerBus } from "./listener-bus.ts";
import { type LookingBack, within, withLookBack } from "./look-back.ts";
import { type PlannedBatch, planBatch, plannedEarlier, type Stream } from "./plan-batch.ts";
import type { Border, DriverProbe } from "./probe.ts";
import { ProgressReport } from "./progress-report.ts";
import { Backpressure } from "./rate/backpressure.ts";
import { abandonedOutputs, SinkReceipts } from "./receipts.ts";
import { replayOf } from "./replay.ts";
import { runOutputs } from "./run-outputs.ts";
import { completePlan, runningPlan } from "./running-plan.ts";
import { TaskSums } from "./task-sums.ts";
import type { Trigger } from "./trigger.ts";
import type { WindowBlocks } from "./window-blocks.ts";

export interface BatchLoopParts {
  readonly context: JobContext;
  readonly options: ResolvedOptions;
  readonly clock: Clock;
  readonly trigger: Trigger;
  readonly streams: readonly Stream[];
  readonly fixed: FixedSources;
  readonly pool: ExecutorPool;
  readonly sinks: DriverSinks;
  readonly broadcasts: Broadcasts;
  readonly bus: ListenerBus;
  readonly back: LookingBack;
  readonly windows: WindowBlocks;
  readonly graphDigest: string;
  /** Of the job's module, where it is known. */
  readonly code?: string | undefined;
  readonly journal: Journal;
  readonly probe?: DriverProbe | undefined;
  /** A graceful stop: no new batch. */
  readonly stopping: AbortSignal;
  /** A stop by force: nothing goes on. */
  readonly force: AbortSignal;
}

type StepsBefore = Pick<StepDurations, "planning" | "planWrite">;

interface RunnableBatch extends Pick<PlannedBatch, "inputs"> {
  readonly plan: RunningPlan;
  /** Since the batch before. */
  readonly missedTicks: number;
}

const NOTHING_READ = { records: 0, bytes: 0, lossy: false };

/** Steps 1 to 7 of every batch, one batch after the other. */
export class BatchLoop {
  readonly #parts: BatchLoopParts;
  readonly #backpressure: Backpressure | undefined;
  readonly #lasting: Lasting;
  readonly #report = new ProgressReport();
  readonly #receipts: SinkReceipts;
  /** As it ended, well or not. */
  #lastBatch: BatchInfo | undefined;
  /** The outputs of it that were done. */
  #lastDone: ReadonlySet<string> = new Set();

  constructor(parts: BatchLoopParts) {
    this.#parts = parts;
    this.#receipts = new SinkReceipts(parts);
    const { journal, windows, broadcasts, options, context } = parts;
    const { backpressure, batchIntervalMs } = options;
    this.#backpressure = backpressure && new Backpressure(backpressure, batchIntervalMs);
    this.#lasting = lasting(journal, windows, broadcasts, new TaskSums(context.graph.accumulators));
  }

  /** Resolves when there is nothing more to do or to be done. Rejects with what made a batch fail. */
  async run(): Promise<void> {
    const { journal, trigger, stopping } = this.#parts;
    await this.#fillWindows();
    // Step 3 is done for this one: it runs as it was planned, before anything new.
    const { pending } = journal.world;
    if (pending !== null) await this.#runPending(pending);
    for (const seq of this.#parts.options.replay) {
      if (stopping.aborted) return;
      await this.#replay(seq);
    }
    let last = journal.world.batchTime ?? undefined;
    while (true) {
      let batchTime: Time;
      try {
        batchTime = await trigger.next(last, stopping, journal.world.completeTime ?? undefined);
      } catch (error) {
        if (stopping.aborted) return;
        throw error;
      }
      if (stopping.aborted) return;
      const verdict = await this.#batch(batchTime);
      if (verdict === "end") return;
      if (verdict === "run") last = batchTime;
      // Signals and timers get their turn, also when one batch follows another without a pause.
      await nextTurn();
    }
  }

  /** What it reads is as it was planned, always. Where another graph was accepted, the states and windows are those of that graph. */
  async #runPending({ plan, graph }: NonNullable<World["pending"]>): Promise<void> {
    const { context, journal, streams, back, graphDigest, code } = this.#parts;
    const isOfThisGraph = graph === graphDigest;
    const { inputs } = plannedEarlier(streams, plan);
    const prepared = await this.#prepare({ plan, inputs }, async () => {
      const ofNothing = { ...plan, previousTime: undefined, states: undefined, rememberMs: undefined };
      return isOfThisGraph ? plan : withLookBack(ofNothing, context, back, journal.world);
    });
    // It is not left out: as long as its sinks are not fenced off, an older driver may still write to them.
    if (prepared instanceof Error) throw prepared;
    if (!isOfThisGraph) await journal.plan(prepared.pinned, graphDigest, code);
    await this.#runToSuccess(prepared.batch, { planning: 0, planWrite: 0 });
  }

  /** Steps 2 to 7 of one batch, if there is one. @returns what the trigger said about its plan. */
  async #batch(batchTime: Time): Promise<"run" | "drop" | "end"> {
    const { clock, trigger, journal, streams, force, graphDigest, code } = this.#parts;
    await this.#border("before plan");
    const begun = clock.now();
    const key = { seq: journal.world.seq + 1, batchTime, epoch: journal.epoch };
    let planned: PlannedBatch | undefined;
    const unplanned = await this.#tryAgain(
      key.seq,
      async () => {
        planned = await planBatch(streams, key, (source) => this.#limitsOf(source), force);
      },
      false,
    );
    // Nobody knows its ranges, so there is nothing that could be left out.
    if (unplanned !== undefined) throw unplanned;
    const { plan, inputs, losses } = planned!;
    const plannedAt = clock.now();
    if (losses.length > 0) await this.#goOnWithout(planned!);
    const verdict = trigger.judge(planned!);
    if (verdict !== "run") return verdict;
    const prepared = await this.#prepare({ plan, inputs }, () => completePlan(plan, this.#parts));
    if (prepared instanceof Error) {
      await this.#leaveOut(plan, prepared, true);
      return verdict;
    }
    await journal.plan(prepared.pinned, graphDigest, code);
    await this.#runToSuccess(prepared.batch, { planning: plannedAt - begun, planWrite: clock.now() - plannedAt });
    return verdict;
  }

  /**
   * What has to be there before a plan is written: what `complete` adds to it, and sinks that are fenced. Functions of the job run here (transforms, loads
   * of broadcasts), and sinks are asked, so it fails as a batch does. @returns the last failure, when the failure policy allows no more
   */
  async #prepare(
    { plan, inputs }: Pick<PlannedBatch, "plan" | "inputs">,
    complete: () => Promise<BatchPlan>,
  ): Promise<{ readonly pinned: BatchPlan; readonly batch: RunnableBatch } | MillraceError> {
    const { clock, context, bus } = this.#parts;
    let pinned = plan;
    let batch: RunnableBatch | undefined;
    const failure = await this.#tryAgain(plan.seq, async () => {
      try {
        pinned = await complete();
        batch = this.#runnable({ plan: pinned, inputs });
        await this.#fence(batch.plan);
      } catch (error) {
        const unprepared = this.#runnable({ plan, inputs });
        const progress = new BatchProgress(unprepared, context.graph.outputs, clock.now(), bus);
        bus.emit("onBatchSubmitted", progress.info());
        this.#ended(progress, error as Error);
        throw error;
      }
    });
    return failure ?? { pinned, batch: batch! };
  }

  /** What a batch that was left out has not done, as a batch of its own. Its plan is written like any other, so a crash does not do it twice. */
  async #replay(seq: number): Promise<void> {
    const { context, journal, streams, graphDigest, code, trigger, options, clock } = this.#parts;
    const find = () => journal.world.abandoned.last.find((batch) => batch.seq === seq)!;
    const { slices, batchTime, replayedAs } = find();
    if (replayedAs !== undefined) {
      options.logger?.info({ seq, replayedAs }, `batch ${seq} was replayed as batch ${replayedAs}`);
      return;
    }
    const key = { seq: journal.world.seq + 1, epoch: journal.epoch };
    const plan = { ...key, batchTime: trigger.after(journal.world.batchTime ?? batchTime), slices };
    const begun = clock.now();
    const { inputs } = plannedEarlier(streams, plan);
    const prepared = await this.#prepare({ plan, inputs }, async () => {
      const whole = await completePlan(plan, this.#parts);
      // Only then it is known what sinks have of the batch.
      const running = this.#runningPlan(whole);
      await this.#fence(running);
      const graph = new BatchGraph(context.graph.nodes, running);
      return { ...whole, replay: replayOf(find(), context.graph.outputs, graph, graphDigest) };
    });
    if (prepared instanceof Error) throw prepared;
    const plannedAt = clock.now();
    options.logger?.info(
      { seq, replayedAs: plan.seq },
      `batch ${seq}, which was left out, is replayed as batch ${plan.seq}`,
    );
    await journal.plan(prepared.pinned, graphDigest, code);
    await this.#runToSuccess(prepared.batch, { planning: plannedAt - begun, planWrite: clock.now() - plannedAt });
  }

  #limitsOf({ name }: Source): BatchLimits {
    const { batchIntervalMs, maxRatePerPartition, minRatePerPartition, maxBatchBytes } = this.#parts.options;
    return {
      intervalMs: batchIntervalMs,
      maxRatePerPartition,
      minRatePerPartition,
      maxRate: this.#backpressure?.rateOf(name),
      maxBytes: maxBatchBytes,
    };
  }

  /** Told before it is written down: a crash in between tells it twice, never not at all. */
  async #goOnWithout({ losses, moved }: PlannedBatch): Promise<void> {
    const { bus, journal } = this.#parts;
    for (const loss of losses) bus.emit("onDataLoss", loss);
    await journal.start(moved);
  }

  /** Runs a batch again by the same plan, as often as the failure policy says. Nothing overtakes it. */
  async #runToSuccess(batch: RunnableBatch, before: StepsBefore): Promise<void> {
    await this.#border("after plan");
    const failure = await this.#tryAgain(batch.plan.seq, () => this.#runBatch(batch, before));
    if (failure === undefined) await this.#sweep();
    else await this.#leaveOut(batch.plan, failure);
  }

  #tryAgain(seq: number, work: () => Promise<void>, told?: boolean): Promise<MillraceError | undefined> {
    return tryAgain(seq, this.#parts, work, told);
  }

  /**
   * In the open: nothing runs it again by itself. `unwritten` when its plan was not written, so that it has never run.
   * @throws the failure, when the stream must not go on without the batch
   */
  async #leaveOut(plan: BatchPlan, failure: MillraceError, unwritten = false): Promise<void> {
    const { journal, bus, streams, options, sinks, context, graphDigest } = this.#parts;
    if (options.failedBatch.otherwise === "stop" || !mayBeLeftOut(failure)) throw failure;
    const info = this.#lastBatch!;
    const of = { unwritten, replay: plan.replay };
    const outputs = abandonedOutputs(context.graph.outputs, this.#lastDone, sinks.partitions, of);
    const { code, message } = failure;
    await journal.abandon(plan.seq, { code, message, graph: graphDigest, outputs }, unwritten ? plan : undefined);
    if (plan.replay === undefined) {
      for (const { source, planner } of streams) planner.complete(plan.slices[source.name] ?? [], NOTHING_READ);
    }
    bus.emit("onBatchAbandoned", info);
    if (!unwritten && sinks.any) await this.#receipts.askNow(plan.seq);
  }

  /** Old files that cannot be removed hurt nobody, least of all the batch that is complete. */
  async #sweep(): Promise<void> {
    try {
      await this.#parts.journal.sweep();
    } catch (error) {
      if (!MillraceError.is(error) || error.code === "INTERNAL_ERROR") throw error;
      this.#parts.bus.emit("onSweepFailed", { error });
    }
  }

  async #runBatch(batch: RunnableBatch, before: StepsBefore): Promise<void> {
    const { plan } = batch;
    const { context, options, clock, bus, force, sinks, journal, streams, back, probe } = this.#parts;
    const { states, windows, sums } = this.#lasting;
    const { outputs } = context.graph;
    const progress = new BatchProgress(batch, outputs, clock.now(), bus);
    bus.emit("onBatchSubmitted", progress.info());
    const run = this.#batchRun(plan);
    const started = clock.now();
    progress.started(started);
    bus.emit("onBatchStarted", progress.info());
    const afterTasks = () => this.#border("after tasks");
    const limits = { outputTimeoutMs: options.outputTimeoutMs, signal: force, clock, probe, afterTasks };
    let processed = started;
    let failure: Error | undefined;
    try {
      const written = await runOutputs(outputs, [...back.states, ...back.windows], run, sinks, progress, limits);
      processed = clock.now();
      await this.#border("after outputs");
      await journal.complete(plan.seq, states.writes(plan), written);
      states.commit();
      sums.commit();
      windows.keep(plan.seq, run.windowBlocks());
      windows.forgetAllBut(within(journal.world, back.windowMs));
      for (const { source, planner } of plan.replay === undefined ? streams : []) {
        planner.complete(plan.slices[source.name] ?? [], run.readFrom(source.name));
      }
      await this.#border("after completion");
      const skipped = run.skipped();
      progress.skipped(skipped);
      for (const event of skipped) bus.emit("onRecordsSkipped", event);
      for (const loss of run.losses) bus.emit("onDataLoss", loss);
    } catch (error) {
      failure = error as Error;
      throw error;
    } finally {
      states.discard();
      sums.discard();
      run.end();
      this.#ended(progress, failure);
    }
    const info = this.#lastBatch!;
    if (plan.replay === undefined) this.#backpressure?.completed(info);
    const { processingEndTime: ended = processed } = info;
    this.#tellProgress(plan, info, { ...before, processing: processed - started, commit: ended - processed });
  }

  #ended(progress: BatchProgress, failure: Error | undefined): void {
    const { clock, bus } = this.#parts;
    progress.ended(clock.now(), failure);
    this.#lastBatch = progress.info();
    this.#lastDone = progress.done;
    bus.emit("onBatchCompleted", this.#lastBatch);
  }

  #tellProgress(plan: RunningPlan, info: BatchInfo, durations: StepDurations): void {
    const { bus } = this.#parts;
    if (!bus.hears("onProgress")) return;
    const nextRateOf = (source: string) => this.#backpressure?.rateOf(source);
    bus.emit("onProgress", this.#report.of(plan, info, durations, nextRateOf));
  }

  /** After a restart: what windows still look back on is read again, batch by batch. */
  async #fillWindows(): Promise<void> {
    const { back, journal } = this.#parts;
    if (back.windows.length === 0) return;
    const earlier = within(journal.world, back.windowMs);
    for (const [i, plan] of earlier.entries()) {
      const again = { ...this.#runningPlan(plan), earlier: earlier.slice(0, i) };
      const failure = await this.#tryAgain(again.seq, () => this.#readAgain(again), false);
      if (failure !== undefined) throw failure;
    }
  }

  async #readAgain(plan: RunningPlan): Promise<void> {
    const { back, bus } = this.#parts;
    const run = this.#batchRun(plan);
    try {
      await run.readAgain(back.windows);
      this.#lasting.windows.keep(plan.seq, run.windowBlocks());
      for (const loss of run.losses) bus.emit("onDataLoss", loss);
    } finally {
      run.end();
    }
  }

  #batchRun(plan: RunningPlan): BatchRun {
    const { context, pool, fixed, force } = this.#parts;
    return new BatchRun(context.graph, plan, pool, fixed, force, this.#lasting);
  }

  #runningPlan(plan: BatchPlan): RunningPlan {
    const { journal, context, graphDigest, options, back } = this.#parts;
    const earlier = within(journal.world, back.windowMs);
    return runningPlan(plan, journal, context.appName, graphDigest, options.onRecordError, earlier);
  }

  async #border(border: Border): Promise<void> {
    const { probe, force } = this.#parts;
    if (probe === undefined) return;
    await probe.atBorder(border, force);
    force.throwIfAborted();
  }

  #runnable({ plan, inputs }: Pick<PlannedBatch, "plan" | "inputs">): RunnableBatch {
    const { options, journal } = this.#parts;
    const { trigger, batchIntervalMs } = options;
    const missed = trigger === "interval" ? missedTicks(journal.world.batchTime, plan.batchTime, batchIntervalMs) : 0;
    return { plan: this.#runningPlan(plan), inputs, missedTicks: missed };
  }

  async #fence(plan: RunningPlan): Promise<void> {
    const { sinks, context } = this.#parts;
    if (!sinks.any) return;
    await sinks.fence(new BatchGraph(context.graph.nodes, plan));
    await this.#receipts.ask();
  }
}
