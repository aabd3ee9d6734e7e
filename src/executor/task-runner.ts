import { BatchGraph } from "../graph/batch-graph.ts";
import type { Graph } from "../graph/graph.ts";
import { assert } from "../model/errors.ts";
import type { RunningPlan } from "../model/plan.ts";
import type { BroadcastValue, Task, TaskResult } from "./protocol.ts";
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
  readonly #batches = new Map<number, BatchGraph>();

  constructor(graph: Graph) {
    this.#graph = graph;
  }

  begin(plan: RunningPlan, broadcasts: readonly BroadcastValue[]): void {
    this.#copies.begin(plan.seq, broadcasts);
    this.#batches.set(plan.seq, new BatchGraph(this.#graph.nodes, plan));
  }

  end(seq: number): void {
    this.#batches.delete(seq);
    this.#copies.end(seq);
  }

  /** Closes what this executor's tasks have opened: connections of sources, resources of the user. */
  async close(): Promise<void> {
    const sources = this.#graph.nodes.flatMap((node) => (node.kind === "source" ? [node.source] : []));
    const closed = await Promise.allSettled([
      ...sources.map((source) => source.closeReader()),
      closeResources(),
      this.#sinks.close(),
    ]);
    const failures = closed.flatMap((result) => (result.status === "rejected" ? [result.reason] : []));
    if (failures.length > 0)
      throw failures.length === 1 ? failures[0] : new AggregateError(failures, "Closing failed.");
  }

  run(task: Task, signal: AbortSignal): Promise<TaskResult> {
    const graph = this.#batches.get(task.seq);
    assert(graph !== undefined, `a task of batch ${task.seq}, which has not begun here`);
    const { outputs, sharesVariables } = this.#graph;
    const home = { graph, outputs, sinks: this.#sinks, states: this.#states, signal };
    // Only who shares something pays for it.
    return sharesVariables ? runWithVariables(this.#copies, task.seq, () => runTask(task, home)) : runTask(task, home);
  }
}
