import type { AbandonedOutput, Receipts } from "../checkpoint/entry.ts";
import type { World } from "../checkpoint/world.ts";
import type { JobContext } from "../graph/job-context.ts";
import type { Output } from "../graph/node.ts";
import type { ResolvedOptions } from "../job/options.ts";
import { sentenceOf } from "../model/error-place.ts";
import type { Replay } from "../model/plan.ts";
import type { SinkProgress } from "../operators/sink.ts";
import type { DriverSinks } from "./driver-sinks.ts";
import { endsTheDriver } from "./failed-batch.ts";
import type { Journal } from "./journal.ts";

/** What sinks hold of batches that were left out. */

/** How far the outputs of a batch had come when it was left out. `unwritten` when it has never run. */
export function abandonedOutputs(
  outputs: readonly Output[],
  doneNow: ReadonlySet<string>,
  partitions: ReadonlyMap<string, number>,
  { unwritten, replay }: { unwritten: boolean; replay: Replay | undefined },
): AbandonedOutput[] {
  return outputs.map(({ kind, name }): AbandonedOutput => {
    const before = replay?.done[name];
    const done = before === "all" || doneNow.has(name);
    if (kind !== "saveTo" || before === "all") return { name, done };
    if (unwritten) return { name, done, written: [] };
    const numPartitions = partitions.get(name);
    return { name, done, ...(numPartitions !== undefined && { numPartitions }), ...(before && { before }) };
  });
}

/** Of which batches it is not known what these outputs' sinks hold. */
function unsettled({ abandoned }: World, names: ReadonlySet<string>): World["abandoned"]["last"] {
  const open = ({ name, done, written }: AbandonedOutput) => !done && written === undefined && names.has(name);
  return abandoned.last.filter(({ outputs, replayedAs }) => replayedAs === undefined && outputs.some(open));
}

/**
 * What the sinks say of a batch: of one that they hold a later batch of they can say nothing any more. Asked before that, and when nothing of an older
 * epoch can be written any more, it is exact.
 */
function receiptsOf(
  { seq, outputs }: World["abandoned"]["last"][number],
  progress: ReadonlyMap<string, SinkProgress | undefined>,
  byPartition: ReadonlySet<string>,
): Receipts {
  const receipts: { [output: string]: readonly number[] } = {};
  for (const { name, done, written, numPartitions, before = [] } of outputs) {
    if (done || written !== undefined || !progress.has(name)) continue;
    const held: SinkProgress = progress.get(name) ?? { seq: 0, epoch: 0 };
    if (held.seq > seq) continue;
    const isWhole = numPartitions !== undefined && !byPartition.has(name);
    const all = isWhole ? Array.from({ length: numPartitions }, (_, i) => i) : undefined;
    const now = held.seq < seq ? [] : held.seqs ? partitionsAt(seq, held.seqs) : all;
    if (now === undefined) continue;
    receipts[name] = [...new Set([...before, ...now])].sort((a, b) => a - b);
  }
  return receipts;
}

function partitionsAt(seq: number, seqs: readonly number[]): number[] {
  return [...seqs.keys()].filter((partition) => seqs[partition] === seq);
}

export interface SinkReceiptsParts {
  readonly context: JobContext;
  readonly options: Pick<ResolvedOptions, "logger">;
  readonly sinks: DriverSinks;
  readonly journal: Journal;
}

/** Writes down what sinks hold of batches that were left out. */
export class SinkReceipts {
  readonly #parts: SinkReceiptsParts;
  /** Whether it is written down as far as it will ever be known. */
  #settled = false;

  constructor(parts: SinkReceiptsParts) {
    this.#parts = parts;
  }

  /** Asks before another batch writes to the sinks. They have been fenced under this epoch. */
  async ask(): Promise<void> {
    if (this.#settled) return;
    const { journal, sinks, context } = this.#parts;
    const saved = context.graph.outputs.filter((output) => output.kind === "saveTo");
    const names = new Set(saved.map(({ name }) => name));
    const byPartition = new Set(saved.filter(({ sink }) => "commitPartition" in sink).map(({ name }) => name));
    const open = unsettled(journal.world, names);
    const progress = open.length === 0 ? undefined : await sinks.progress(journal.id, context.appName);
    for (const batch of open) {
      const receipts = receiptsOf(batch, progress!, byPartition);
      if (Object.keys(receipts).length > 0) await journal.receipts(batch.seq, receipts);
    }
    this.#settled = true;
  }

  /** So that whoever looks sees it at once. A sink that does not answer, perhaps what the batch failed of, is asked before the next batch. */
  async askNow(seq: number): Promise<void> {
    const { journal, sinks, context, options } = this.#parts;
    this.#settled = false;
    if (!(await journal.renew())) return;
    try {
      await sinks.fenceAgain({ checkpointId: journal.id, appName: context.appName }, journal.epoch);
      await this.ask();
    } catch (error) {
      if (endsTheDriver(error)) throw error;
      const unknown = `what sinks have of batch ${seq} is not known yet: ${sentenceOf(error as Error)}`;
      options.logger?.warn({ seq, err: error }, unknown);
    }
  }
}
