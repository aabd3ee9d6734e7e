import type { ExecutorPool } from "../executor/pool.ts";
import type { Action, ActionRunner } from "../graph/action.ts";
import { BatchGraph } from "../graph/batch-graph.ts";
import type { JobContext } from "../graph/job-context.ts";
import type { Node, NodeOf } from "../graph/node.ts";
import type { ResolvedOptions } from "../job/options.ts";
import type { DataLoss } from "../model/events.ts";
import type { OffsetRange } from "../model/offset-range.ts";
import type { BatchPlan, RunningPlan } from "../model/plan.ts";
import { BatchRun } from "./batch-run.ts";
import type { FixedSources } from "./fixed-sources.ts";
import type { Journal } from "./journal.ts";
import { runningPlan } from "./running-plan.ts";
import type { Lasting } from "./stage-runner.ts";
import { TaskSums } from "./task-sums.ts";
import type { WindowBlocks } from "./window-blocks.ts";

/** What it takes to run a batch once more. */
export interface RereadParts {
  readonly context: JobContext;
  readonly options: ResolvedOptions;
  readonly pool: ExecutorPool;
  readonly fixed: FixedSources;
  readonly force: AbortSignal;
  readonly graphDigest: string;
  readonly journal: Journal;
  /** What windows hold of earlier batches. */
  readonly windows: WindowBlocks;
  readonly lasting: Lasting;
  readonly onDataLoss: (loss: DataLoss) => void;
}

/** One batch that is read again, anew for each action: nothing of it is held in between. */
export class SlicedBatch implements ActionRunner {
  readonly #parts: RereadParts;
  /** For whom it is read: the actions count as its own. */
  readonly #for: BatchRun;
  readonly #windows: readonly NodeOf<"window">[];
  readonly #plan: RunningPlan;
  /** Batches that its windows look back on, the oldest first. */
  readonly #seen: readonly BatchPlan[];
  readonly #graph: BatchGraph;

  constructor(
    parts: RereadParts,
    run: BatchRun,
    windows: readonly NodeOf<"window">[],
    plan: BatchPlan,
    seen: readonly BatchPlan[],
  ) {
    this.#parts = parts;
    this.#for = run;
    this.#windows = windows;
    this.#plan = this.#running(plan, seen);
    this.#seen = seen;
    this.#graph = new BatchGraph(parts.context.graph.nodes, this.#plan);
  }

  isDue(node: Node): boolean {
    return this.#graph.isDue(node);
  }

  run(node: Node, action: Action): Promise<unknown[]> {
    return this.#for.turns.take(async () => {
      const run = await this.#open();
      try {
        return await run.run(node, action);
      } finally {
        this.#close(run);
      }
    });
  }

  async *iterate(node: Node): AsyncIterableIterator<unknown> {
    const { turns } = this.#for;
    const run = await turns.take(() => this.#open());
    try {
      for (let partition = 0; partition < this.numPartitions(node); partition++) {
        for await (const values of await turns.take(() => run.partition(node, partition))) yield* values;
      }
    } finally {
      this.#close(run);
    }
  }

  numPartitions(node: Node): number {
    this.#for.turns.refuseAfterEnd();
    return this.#graph.numPartitions(node);
  }

  offsetRanges(node: Node): readonly OffsetRange[] {
    this.#for.turns.refuseAfterEnd();
    return this.#graph.offsetRanges(node);
  }

  /** With what its windows need of the batches before: held still, or read again as well. */
  async #open(): Promise<BatchRun> {
    const { lasting, context, windows: held } = this.#parts;
    const windows = held.copy();
    // What tasks add to accumulators has counted when the batch ran.
    const own = { ...lasting, windows, sums: new TaskSums(context.graph.accumulators) };
    for (const [i, plan] of this.#seen.entries()) {
      const missing = this.#windows.filter((window) => !windows.holds(window, plan.seq));
      if (missing.length === 0) continue;
      const run = this.#begin(this.#running(plan, this.#seen.slice(0, i)), own);
      try {
        await run.readAgain(missing);
        windows.keep(plan.seq, run.windowBlocks());
      } finally {
        this.#close(run);
      }
    }
    return this.#begin(this.#plan, own);
  }

  #running(plan: BatchPlan, earlier: readonly BatchPlan[]): RunningPlan {
    const { journal, context, graphDigest, options } = this.#parts;
    return runningPlan(plan, journal, context.appName, graphDigest, options.onRecordError, earlier);
  }

  #begin(plan: RunningPlan, lasting: Lasting): BatchRun {
    const { context, pool, fixed, force } = this.#parts;
    const run = new BatchRun(context.graph, plan, pool, fixed, force, lasting);
    this.#for.beside.add(run);
    return run;
  }

  #close(run: BatchRun): void {
    this.#for.beside.delete(run);
    run.end();
    for (const loss of run.losses) this.#parts.onDataLoss(loss);
  }
}
