import { BatchGraph } from "../graph/batch-graph.ts";
import type { Graph } from "../graph/graph.ts";
import type { Source } from "../graph/source.ts";
import { assert } from "../model/errors.ts";
import type { RunningPlan } from "../model/plan.ts";
import type { BroadcastValue, RunId, Task, TaskResult } from "./protocol.ts";
import { closeResources } from "./resource.ts";
import { runTask } from "./run-task.ts";
import { BroadcastCopies, runWithVariables } from "./shared-variables.ts";
import { SinkConnections } from "./sink-connections.ts";
import { StateHome } from "./state-home.ts";

/** An executor's side of the batches: its graph, and what that becomes in each batch that is under way. */
export class TaskRunner {
  readonly #graph: Graph;
  readonly #sinks = new SinkConnections();
  readonly #states = new StateHome();
  readonly #copies = new BroadcastCopies();
  readonly #batches = new Map<RunId, BatchGraph>();

  constructor(graph: Graph) {
    this.#graph = graph;
    for (const source of this.#sources()) source.openReader?.();
  }

  begin(run: RunId, plan: RunningPlan, broadcasts: readonly BroadcastValue[]): void {
    this.#copies.begin(run, broadcasts);
    this.#batches.set(run, new BatchGraph(this.#graph.nodes, plan));
  }

  end(run: RunId): void {
    this.#batches.delete(run);
    this.#copies.end(run);
  }

  /** Closes what this executor's tasks have opened: connections of sources, resources of the user. */
  async close(): Promise<void> {
    const closed = await Promise.allSettled([
      ...this.#sources().map((source) => source.closeReader()),
      closeResources(),
      this.#sinks.close(),
    ]);
    const failures = closed.flatMap((result) => (result.status === "rejected" ? [result.reason] : []));
    if (failures.length > 0)
      throw failures.length === 1 ? failures[0] : new AggregateError(failures, "Closing failed.");
  }

  #sources(): readonly Source[] {
    return this.#graph.nodes.flatMap((node) => (node.kind === "source" ? [node.source] : []));
  }

  run(task: Task, signal: AbortSignal): Promise<TaskResult> {
    const graph = this.#batches.get(task.run);
    assert(graph !== undefined, `a task of a batch that has not begun here`);
    const { outputs, sharesVariables } = this.#graph;
    const home = { graph, outputs, sinks: this.#sinks, states: this.#states, signal };
    // Only who shares something pays for it.
    return sharesVariables ? runWithVariables(this.#copies, task.run, () => runTask(task, home)) : runTask(task, home);
  }
}
