import { SinkConnections } from "../executor/sink-connections.ts";
import type { BatchGraph } from "../graph/batch-graph.ts";
import type { Output } from "../graph/node.ts";
import type { Time } from "../model/duration.ts";
import { messageOf } from "../model/error-transfer.ts";
import { assert, type ErrorPlace, MillraceError } from "../model/errors.ts";
import type { Logger } from "../model/events.ts";
import type { RunningPlan } from "../model/plan.ts";
import type { Partition } from "../operators/partition.ts";
import type { OutputIdentity, SinkProgress } from "../operators/sink.ts";
import type { BatchRun } from "./batch-run.ts";

type SaveTo = Extract<Output, { kind: "saveTo" }>;

/** The driver's share of exactly-once outputs: fencing, publishing, and writing where there is one writer. */
export class DriverSinks {
  readonly #outputs: readonly SaveTo[];
  readonly #connections: SinkConnections;
  /** For how many partitions older drivers are fenced off, under which epoch. */
  readonly #fenced = new Map<SaveTo, { epoch: number; numPartitions: number }>();

  readonly #partitions = new Map<string, number>();

  constructor(outputs: readonly Output[], warn: Logger["warn"]) {
    this.#connections = new SinkConnections(warn);
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
      this.#partitions.set(output.name, numPartitions);
      const done = this.#fenced.get(output);
      if (done !== undefined && done.epoch === epoch && done.numPartitions >= numPartitions) continue;
      const identity = identityOf(output, graph.plan);
      await ofOutput(
        output,
        async () => output.sink.fence(await this.#connections.open(output, identity), epoch, numPartitions, identity),
        graph.plan.batchTime,
      );
      this.#fenced.set(output, { epoch, numPartitions });
    }
  }

  /** Whatever of the batches so far still runs: from now on it is refused. For as many partitions as any of them had. */
  async fenceAgain({ checkpointId, appName }: Omit<OutputIdentity, "output">, epoch: number): Promise<void> {
    for (const [output, { numPartitions }] of this.#fenced) {
      const identity = { checkpointId, appName, output: output.name };
      await ofOutput(output, async () =>
        output.sink.fence(await this.#connections.open(output, identity), epoch, numPartitions, identity),
      );
      this.#fenced.set(output, { epoch, numPartitions });
    }
  }

  /** By output, in the batch that was fenced for last. */
  get partitions(): ReadonlyMap<string, number> {
    return this.#partitions;
  }

  /** What the sinks know of a checkpoint, by output: undefined of one that they do not know. Sinks that cannot tell are left out. */
  async progress(checkpointId: string, appName: string): Promise<Map<string, SinkProgress | undefined>> {
    const all = new Map<string, SinkProgress | undefined>();
    for (const output of this.#outputs) {
      const { sink, name } = output;
      if (sink.progress === undefined) continue;
      const identity = { checkpointId, appName, output: name };
      const ask = async () => sink.progress!(await this.#connections.open(output, identity), identity);
      all.set(name, await ofOutput(output, ask));
    }
    return all;
  }

  /** Step 5 for one output: `parts` are what its tasks returned. @returns the partitions that its sink holds of the batch now. */
  async finish(
    output: SaveTo,
    parts: readonly unknown[],
    run: BatchRun,
    signal: AbortSignal,
  ): Promise<readonly number[]> {
    const { sink } = output;
    const partitions = run.partitionsOf(output);
    if (!("commitBatch" in sink)) {
      assert(
        parts.length === partitions.length,
        `${output.name} was written in ${parts.length} partitions of ${partitions.length}`,
      );
    }
    if ("commitPartition" in sink) return partitions;
    const { plan } = run;
    const { seq, batchTime, digest, epoch } = plan;
    const identity = identityOf(output, plan);
    const commit = {
      ...identity,
      seq,
      batchTime,
      numPartitions: run.numPartitions(output.node),
      digest,
      epoch,
      offsetRanges: run.offsetRanges(output.node),
      signal,
    };
    const connection = await ofOutput(output, () => this.#connections.open(output, identity), batchTime);
    if ("publishBatch" in sink) {
      await ofOutput(output, () => sink.publishBatch(connection, parts, commit), batchTime);
      return partitions;
    }
    assert("commitBatch" in sink, `${output.name} has none of the three shapes of a sink`);
    const values = (await run.partitions(output.node)) as Partition<never>[];
    await ofOutput(output, () => sink.commitBatch(connection, values, commit), batchTime);
    return partitions;
  }

  close(): Promise<void> {
    return this.#connections.close();
  }
}

/** What a sink throws bears the name of its output, so it is told from what the source or the engine did, and the time of the batch, if it is of one. */
async function ofOutput<R>(output: SaveTo, work: () => Promise<R>, batchTime?: Time): Promise<R> {
  try {
    return await work();
  } catch (error) {
    if (!MillraceError.is(error)) throw outputFailed(output, error, batchTime);
    if (error.at.operator !== undefined || error.code === "INTERNAL_ERROR") throw error;
    const { code, message, hint, at, cause } = error;
    throw new MillraceError(code, message, { hint, cause, at: { ...at, ...placeOf(output, batchTime) } });
  }
}

export function outputFailed(output: { name: string }, error: unknown, batchTime: Time | undefined): MillraceError {
  return new MillraceError("OUTPUT_FAILED", `${output.name} failed: ${messageOf(error)}`, {
    hint: "The function threw; its own error is the cause. The batch does not count and its offsets do not move.",
    cause: error,
    at: placeOf(output, batchTime),
  });
}

const placeOf = ({ name }: { name: string }, batchTime: Time | undefined): ErrorPlace => ({
  operator: name,
  ...(batchTime !== undefined && { batchTime }),
});

function identityOf({ name }: SaveTo, { checkpointId, appName }: RunningPlan): OutputIdentity {
  return { checkpointId, appName, output: name };
}
