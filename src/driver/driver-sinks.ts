import { SinkConnections } from "../executor/sink-connections.ts";
import type { BatchGraph } from "../graph/batch-graph.ts";
import type { Output } from "../graph/node.ts";
import { assert } from "../model/errors.ts";
import type { RunningPlan } from "../model/plan.ts";
import { partitionOf } from "../operators/partition.ts";
import type { OutputIdentity, SinkProgress } from "../operators/sink.ts";
import type { BatchRun } from "./batch-run.ts";

type SaveTo = Extract<Output, { kind: "saveTo" }>;

/** The driver's share of exactly-once outputs: fencing, publishing, and writing where there is one writer. */
export class DriverSinks {
  readonly #outputs: readonly SaveTo[];
  readonly #connections = new SinkConnections();
  /** For how many partitions older drivers are fenced off, under which epoch. */
  readonly #fenced = new Map<SaveTo, { epoch: number; numPartitions: number }>();

  constructor(outputs: readonly Output[]) {
    this.#outputs = outputs.filter((output) => output.kind === "saveTo");
  }

  /** Whether there is anything to fence. */
  get any(): boolean {
    return this.#outputs.length > 0;
  }

  /** Before a plan is written: an older driver that still runs can commit nothing that this one does not see. */
  async fence(graph: BatchGraph): Promise<void> {
    const { epoch } = graph.plan;
    for (const output of this.#outputs) {
      const numPartitions = graph.numPartitions(output.node);
      const done = this.#fenced.get(output);
      if (done !== undefined && done.epoch === epoch && done.numPartitions >= numPartitions) continue;
      const identity = identityOf(output, graph.plan);
      await output.sink.fence(await this.#connections.open(output, identity), identity, epoch, numPartitions);
      this.#fenced.set(output, { epoch, numPartitions });
    }
  }

  /** What the sinks know of a checkpoint, by output: undefined of one that they do not know. Sinks that cannot tell are left out. */
  async progress(checkpointId: string, appName: string): Promise<Map<string, SinkProgress | undefined>> {
    const all = new Map<string, SinkProgress | undefined>();
    for (const output of this.#outputs) {
      const { sink, name } = output;
      if (sink.progress === undefined) continue;
      const identity = { checkpointId, appName, output: name };
      all.set(name, await sink.progress(await this.#connections.open(output, identity), identity));
    }
    return all;
  }

  /** Step 5 for one output: `parts` are what its tasks returned. @returns whether its sink holds something of the batch now. */
  async finish(output: SaveTo, parts: readonly unknown[], run: BatchRun, signal: AbortSignal): Promise<boolean> {
    const { sink } = output;
    if ("commitPartition" in sink) return parts.length > 0;
    const { plan } = run;
    const identity = identityOf(output, plan);
    const commit = {
      ...identity,
      seq: plan.seq,
      batchTime: plan.batchTime,
      numPartitions: run.numPartitions(output.node),
      digest: plan.digest,
      epoch: plan.epoch,
      offsetRanges: run.offsetRanges(output.node),
      signal,
    };
    const connection = await this.#connections.open(output, identity);
    if ("publishBatch" in sink) {
      await sink.publishBatch(connection, parts, commit);
      return true;
    }
    assert("commitBatch" in sink, `${output.name} has none of the three shapes of a sink`);
    const partitions = (await run.run(output.node, { kind: "collect" })) as never[][];
    await sink.commitBatch(
      connection,
      partitions.map((values) => partitionOf(once(values))),
      commit,
    );
    return true;
  }

  close(): Promise<void> {
    return this.#connections.close();
  }
}

function identityOf({ name }: SaveTo, { checkpointId, appName }: RunningPlan): OutputIdentity {
  return { checkpointId, appName, output: name };
}

async function* once<T>(values: readonly T[]): AsyncIterable<readonly T[]> {
  if (values.length > 0) yield values;
}
