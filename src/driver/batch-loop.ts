import { setImmediate as nextTurn } from "node:timers/promises";
import type { World } from "../checkpoint/world.ts";
import { BatchGraph } from "../graph/batch-graph.ts";
import type { BatchLimits, Source } from "../graph/source.ts";
import type { Time } from "../model/duration.ts";
import type { MillraceError } from "../model/errors.ts";
import type { BatchPlan } from "../model/plan.ts";
import { askBrokers, stoppedWhileWaiting } from "./ask-brokers.ts";
import type { BatchParts } from "./batch-parts.ts";
import { refuseHalfWritten } from "./compare-sinks.ts";
import { tryAgain } from "./failed-batch.ts";
import { withLookBack } from "./look-back.ts";
import { type PlannedBatch, planBatch, plannedEarlier } from "./plan-batch.ts";
import { PlanRunner, type RunnableBatch } from "./plan-runner.ts";
import { atBorder } from "./probe.ts";
import { replayOf } from "./replay.ts";
import { completePlan } from "./running-plan.ts";

/** One batch after the other: which one comes next, and its plan. That is steps 1 to 3; {@link PlanRunner} does 4 to 7. */
export class BatchLoop {
  readonly #parts: BatchParts;
  readonly #runner: PlanRunner;

  constructor(parts: BatchParts) {
    this.#parts = parts;
    this.#runner = new PlanRunner(parts);
  }

  /** Resolves when there is nothing more to do or to be done. Rejects with what made a batch fail. */
  async run(): Promise<void> {
    const { journal, trigger, stopping } = this.#parts;
    await this.#runner.fillWindows();
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
      const verdict = await this.#batch(batchTime).catch(endIfStopped);
      if (verdict === "end") return;
      if (verdict === "run") last = batchTime;
      // Signals and timers get their turn, also when one batch follows another without a pause.
      await nextTurn();
    }
  }

  /** What it reads is as it was planned, always. Where another graph was accepted, the states and windows are those of that graph. */
  async #runPending({ plan, graph }: NonNullable<World["pending"]>): Promise<void> {
    const { context, journal, streams, back, sinks, graphDigest, code } = this.#parts;
    const isOfThisGraph = graph === graphDigest;
    const { inputs } = plannedEarlier(streams, plan);
    const prepared = await this.#prepare({ plan, inputs }, async () => {
      const ofNothing = { ...plan, previousTime: undefined, states: undefined, rememberMs: undefined };
      return isOfThisGraph ? plan : withLookBack(ofNothing, context, back, journal.world);
    });
    // It is not left out: as long as its sinks are not fenced off, an older driver may still write to them.
    if (prepared instanceof Error) throw prepared;
    if (!isOfThisGraph) {
      // Once more: until it was fenced off the older driver may have written a part of the batch.
      refuseHalfWritten(await sinks.progress(journal.id, context.appName), journal.world, graphDigest);
      await journal.plan(prepared.pinned, graphDigest, code);
    }
    await this.#runner.run(prepared.batch, { planning: 0, planWrite: 0 });
  }

  /** Plans one batch, if there is one, and runs it. @returns what the trigger said about its plan. */
  async #batch(batchTime: Time): Promise<"run" | "drop" | "end"> {
    const { clock, trigger, journal, streams, graphDigest, code } = this.#parts;
    await atBorder("before plan", this.#parts);
    const begun = clock.now();
    const key = { seq: journal.world.seq + 1, batchTime, epoch: journal.epoch };
    let planned: PlannedBatch | undefined;
    const unplanned = await tryAgain(
      key.seq,
      this.#parts,
      async () => {
        const limitsOf = (source: Source) => this.#limitsOf(source);
        planned = await askBrokers(this.#parts, (signal) => planBatch(streams, key, limitsOf, signal));
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
      await this.#runner.leaveOut(plan, prepared, true);
      return verdict;
    }
    await journal.plan(prepared.pinned, graphDigest, code);
    await this.#runner.run(prepared.batch, { planning: plannedAt - begun, planWrite: clock.now() - plannedAt });
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
    let pinned = plan;
    let batch: RunnableBatch | undefined;
    const failure = await tryAgain(plan.seq, this.#parts, async () => {
      try {
        pinned = await complete();
        batch = this.#runner.runnable({ plan: pinned, inputs });
        await this.#runner.fence(batch.plan);
      } catch (error) {
        this.#runner.failedBeforePlan(this.#runner.runnable({ plan, inputs }), error as Error);
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
      const running = this.#runner.runningPlan(whole);
      await this.#runner.fence(running);
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
    await this.#runner.run(prepared.batch, { planning: plannedAt - begun, planWrite: clock.now() - plannedAt });
  }

  #limitsOf({ name }: Source): BatchLimits {
    const { batchIntervalMs, maxRatePerPartition, minRatePerPartition, maxBatchBytes } = this.#parts.options;
    return {
      intervalMs: batchIntervalMs,
      maxRatePerPartition,
      minRatePerPartition,
      maxRate: this.#runner.maxRateOf(name),
      maxBytes: maxBatchBytes,
    };
  }

  /** Told before it is written down: a crash in between tells it twice, never not at all. */
  async #goOnWithout({ losses, moved }: PlannedBatch): Promise<void> {
    const { bus, journal } = this.#parts;
    for (const loss of losses) bus.emit("onDataLoss", loss);
    await journal.start(moved);
  }
}

/** A plan that brokers did not answer for, until the stream was stopped: nothing has begun. */
function endIfStopped(error: unknown): "end" {
  if (error === stoppedWhileWaiting) return "end";
  throw error;
}
