import type { CompletionReceipts } from "../checkpoint/entry.ts";
import { BatchGraph } from "../graph/batch-graph.ts";
import { MillraceError } from "../model/errors.ts";
import type { BatchInfo } from "../model/events.ts";
import type { BatchPlan, RunningPlan } from "../model/plan.ts";
import type { StepDurations } from "../model/progress.ts";
import { missedTicks } from "./batch-clock.ts";
import type { BatchParts } from "./batch-parts.ts";
import { BatchProgress } from "./batch-progress.ts";
import { BatchRun } from "./batch-run.ts";
import { mayBeLeftOut, tryAgain } from "./failed-batch.ts";
import { within } from "./look-back.ts";
import type { PlannedBatch } from "./plan-batch.ts";
import { atBorder } from "./probe.ts";
import { ProgressReport } from "./progress-report.ts";
import { Backpressure } from "./rate/backpressure.ts";
import { abandonedOutputs, SinkReceipts } from "./receipts.ts";
import { runOutputs } from "./run-outputs.ts";
import { runningPlan } from "./running-plan.ts";
import { type Lasting, lasting } from "./stage-runner.ts";
import { TaskSums } from "./task-sums.ts";

export type StepsBefore = Pick<StepDurations, "planning" | "planWrite">;

export interface RunnableBatch extends Pick<PlannedBatch, "inputs"> {
  readonly plan: RunningPlan;
  /** Since the batch before. */
  readonly missedTicks: number;
}

const NOTHING_READ = { records: 0, bytes: 0, lossy: false };

/** Steps 4 to 7 of every batch: runs what its plan says, as often as the failure policy allows, until it counts or is left out. */
export class PlanRunner {
  readonly #parts: BatchParts;
  readonly #backpressure: Backpressure | undefined;
  readonly #lasting: Lasting;
  readonly #report = new ProgressReport();
  readonly #receipts: SinkReceipts;
  /** As it ended, well or not. */
  #lastBatch: BatchInfo | undefined;
  /** The outputs of it that were done. */
  #lastDone: ReadonlySet<string> = new Set();

  constructor(parts: BatchParts) {
    this.#parts = parts;
    this.#receipts = new SinkReceipts(parts);
    const { journal, windows, broadcasts, options, context } = parts;
    const { backpressure, batchIntervalMs } = options;
    this.#backpressure = backpressure && new Backpressure(backpressure, batchIntervalMs);
    this.#lasting = lasting(journal, windows, broadcasts, new TaskSums(context.graph.accumulators));
  }

  /** Records per second that a stream should be read at, where backpressure says so. */
  maxRateOf(source: string): number | undefined {
    return this.#backpressure?.rateOf(source);
  }

  /** What a plan lacks to run: this driver's epoch, and what windows look back on. */
  runningPlan(plan: BatchPlan): RunningPlan {
    const { journal, context, graphDigest, options, back } = this.#parts;
    const earlier = within(journal.world, back.windowMs);
    return runningPlan(plan, journal, context.appName, graphDigest, options.onRecordError, earlier);
  }

  runnable({ plan, inputs }: Pick<PlannedBatch, "plan" | "inputs">): RunnableBatch {
    const { options, journal } = this.#parts;
    const { trigger, batchIntervalMs } = options;
    const missed = trigger === "interval" ? missedTicks(journal.world.batchTime, plan.batchTime, batchIntervalMs) : 0;
    return { plan: this.runningPlan(plan), inputs, missedTicks: missed };
  }

  /** Once this is done no older driver can write to the sinks: it must be done before a plan of this driver is written. */
  async fence(plan: RunningPlan): Promise<void> {
    const { sinks, context } = this.#parts;
    if (!sinks.any) return;
    await sinks.fence(new BatchGraph(context.graph.nodes, plan));
    await this.#receipts.ask();
  }

  /** Tells of a batch that has failed before its plan was written. */
  failedBeforePlan(batch: RunnableBatch, error: Error): void {
    const { context, clock, bus } = this.#parts;
    const progress = new BatchProgress(batch, context.graph.outputs, clock.now(), bus);
    bus.emit("onBatchSubmitted", progress.info());
    this.#ended(progress, error);
  }

  /** Runs a batch again by the same plan, as often as the failure policy says. Nothing overtakes it. */
  async run(batch: RunnableBatch, before: StepsBefore): Promise<void> {
    await atBorder("after plan", this.#parts);
    const failure = await tryAgain(batch.plan.seq, this.#parts, () => this.#runOnce(batch, before));
    if (failure === undefined) await this.#sweep();
    else await this.leaveOut(batch.plan, failure);
  }

  /**
   * In the open: nothing runs it again by itself. `unwritten` when its plan was not written, so that it has never run.
   * @throws the failure, when the stream must not go on without the batch
   */
  async leaveOut(plan: BatchPlan, failure: MillraceError, unwritten = false): Promise<void> {
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

  /** After a restart: what windows still look back on is read again, batch by batch. */
  async fillWindows(): Promise<void> {
    const { back, journal } = this.#parts;
    if (back.windows.length === 0) return;
    const earlier = within(journal.world, back.windowMs);
    for (const [i, plan] of earlier.entries()) {
      const again = { ...this.runningPlan(plan), earlier: earlier.slice(0, i) };
      const failure = await tryAgain(again.seq, this.#parts, () => this.#readAgain(again), false);
      if (failure !== undefined) throw failure;
    }
  }

  async #readAgain(plan: RunningPlan): Promise<void> {
    const { back, bus } = this.#parts;
    const run = this.#begin(plan);
    try {
      await run.readAgain(back.windows);
      this.#lasting.windows.keep(plan.seq, run.windowBlocks());
      for (const loss of run.losses) bus.emit("onDataLoss", loss);
    } finally {
      run.end();
    }
  }

  async #runOnce(batch: RunnableBatch, before: StepsBefore): Promise<void> {
    const { plan } = batch;
    const { context, options, clock, bus, force, sinks, back, probe } = this.#parts;
    const { states, sums } = this.#lasting;
    const { outputs } = context.graph;
    const progress = new BatchProgress(batch, outputs, clock.now(), bus);
    bus.emit("onBatchSubmitted", progress.info());
    const run = this.#begin(plan);
    const started = clock.now();
    progress.started(started);
    bus.emit("onBatchStarted", progress.info());
    const afterTasks = () => atBorder("after tasks", this.#parts);
    const limits = { outputTimeoutMs: options.outputTimeoutMs, signal: force, clock, probe, afterTasks };
    let processed = started;
    let failure: Error | undefined;
    try {
      const written = await runOutputs(outputs, [...back.states, ...back.windows], run, sinks, progress, limits);
      processed = clock.now();
      await atBorder("after outputs", this.#parts);
      await this.#complete(plan, run, written);
      await atBorder("after completion", this.#parts);
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

  /** Step 6. Once the completion is written all that moves with a batch has moved, and nothing of it before. */
  async #complete(plan: RunningPlan, run: BatchRun, written: CompletionReceipts): Promise<void> {
    const { journal, streams, back } = this.#parts;
    const { states, sums, windows } = this.#lasting;
    await journal.complete(plan.seq, states.writes(plan), written);
    states.commit();
    sums.commit();
    windows.keep(plan.seq, run.windowBlocks());
    windows.forgetAllBut(within(journal.world, back.windowMs));
    if (plan.replay !== undefined) return; // the streams have passed these ranges long ago
    for (const { source, planner } of streams) {
      planner.complete(plan.slices[source.name] ?? [], run.readFrom(source.name));
    }
  }

  #begin(plan: RunningPlan): BatchRun {
    const { context, pool, fixed, force } = this.#parts;
    return new BatchRun(context.graph, plan, pool, fixed, force, this.#lasting);
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
    bus.emit(
      "onProgress",
      this.#report.of(plan, info, durations, (source) => this.maxRateOf(source)),
    );
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
}
