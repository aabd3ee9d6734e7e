import type { CompletionReceipts } from "../checkpoint/entry.ts";
import { type PartitionRanges, rangesOf } from "../checkpoint/partition-ranges.ts";
import { BatchRDD } from "../graph/batch-rdd.ts";
import type { BlockNode, Output } from "../graph/node.ts";
import type { Clock } from "../model/clock.ts";
import type { Time } from "../model/duration.ts";
import { messageOf } from "../model/error-transfer.ts";
import { internalError, MillraceError } from "../model/errors.ts";
import type { BatchContext } from "../model/plan.ts";
import type { BatchProgress } from "./batch-progress.ts";
import type { BatchRun, OutputResults } from "./batch-run.ts";
import { type DriverSinks, outputFailed } from "./driver-sinks.ts";
import type { DriverProbe } from "./probe.ts";
import { runInBatch } from "./slices.ts";

type ForeachRDDOutput = Extract<Output, { kind: "foreachRDD" }>;

export interface OutputLimits {
  readonly outputTimeoutMs: number | undefined;
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly probe: DriverProbe | undefined;
  /** Between steps 4 and 5. */
  afterTasks(): Promise<void>;
}

/**
 * Steps 4 and 5 of a batch: what runs on executors, states and windows with it, all in as few passes as possible; then, one after the other in the order of
 * registration, what runs on the driver. The first failure ends the batch. An output behind a window runs at each slide only, as in Spark.
 * @returns what the sinks hold of the batch
 */
export async function runOutputs(
  outputs: readonly Output[],
  advancing: readonly BlockNode[],
  run: BatchRun,
  sinks: DriverSinks,
  progress: BatchProgress,
  limits: OutputLimits,
): Promise<CompletionReceipts> {
  const { probe } = limits;
  const due = outputs.filter(({ name, node }) => run.isDue(node) && run.plan.replay?.done[name] !== "all");
  const onExecutors = due.filter((output) => runsOnExecutors(output, probe));
  const onDriver = due.filter((output) => output.kind !== "foreachPartition" && !isCaptured(output, probe));
  const probed = probe === undefined ? [] : due.filter(({ named }) => named);
  let results: OutputResults = { parts: new Map(), values: new Map() };
  if (onExecutors.length + probed.length + advancing.length > 0) {
    const done = outputs.filter((output) => onExecutors.includes(output) || isCaptured(output, probe));
    const timedAs = [done, due, outputs].find(({ length }) => length > 0) ?? [];
    await timed(timedAs, onDriver, outputs, progress, limits.clock, async () => {
      results = await run.runOutputs(onExecutors, probed, advancing);
    });
    for (const output of onExecutors) if (!isPublished(output)) progress.outputDone(output.name);
  }
  await limits.afterTasks();
  const written: { [output: string]: PartitionRanges } = {};
  for (const output of outputs) {
    if (probe !== undefined && output.named) probe.onOutput(output, run.plan.seq, results.values.get(output) ?? []);
    if (!onDriver.includes(output) || output.kind === "foreachPartition") continue;
    await timed([output], [], outputs, progress, limits.clock, async () => {
      if (output.kind === "foreachRDD") return callForeachRDD(output, run, limits);
      const parts = results.parts.get(output) ?? [];
      const partitions = await sinks.finish(output, parts, run, limits.signal);
      if (partitions.length > 0) written[output.name] = rangesOf(partitions);
    });
    progress.outputDone(output.name);
  }
  return written;
}

function runsOnExecutors(output: Output, probe: DriverProbe | undefined): boolean {
  if (output.kind === "saveTo") return !isCaptured(output, probe) && !("commitBatch" in output.sink);
  return output.kind === "foreachPartition";
}

/** Its tasks alone have written nothing yet. */
function isPublished(output: Output): boolean {
  return output.kind === "saveTo" && "publishBatch" in output.sink;
}

/** A sink is not written to by a job under test. */
function isCaptured(output: Output, probe: DriverProbe | undefined): boolean {
  return probe !== undefined && output.kind === "saveTo";
}

/** @param goOn Which of them have a step to come. */
async function timed(
  some: readonly Output[],
  goOn: readonly Output[],
  all: readonly Output[],
  progress: BatchProgress,
  clock: Clock,
  work: () => Promise<void>,
): Promise<void> {
  const start = clock.now();
  for (const output of some) progress.outputStarted(all.indexOf(output), start);
  let failure: MillraceError | undefined;
  try {
    await work();
  } catch (error) {
    // What functions and sinks throw was wrapped where they were called.
    failure = MillraceError.is(error) ? error : internalError(messageOf(error), error);
    throw failure;
  } finally {
    const end = clock.now();
    for (const output of some)
      if (failure !== undefined || !goOn.includes(output)) progress.outputEnded(all.indexOf(output), end, failure);
  }
}

async function callForeachRDD(output: ForeachRDDOutput, run: BatchRun, limits: OutputLimits): Promise<void> {
  const { seq, epoch, batchTime } = run.plan;
  const timeout = new AbortController();
  const signal = AbortSignal.any([limits.signal, timeout.signal]);
  const rdd = new BatchRDD<never>(output.node, run);
  const batch: BatchContext = { seq, epoch, signal };
  let forsaken = false;
  const call = async () => {
    try {
      await runInBatch(run, () => output.f(rdd as never, batchTime, batch as never));
    } catch (error) {
      throw MillraceError.is(error) ? error : outputFailed(output, error, batchTime);
    } finally {
      forsaken = run.forsakeActions();
    }
  };
  await withTimeout(call(), { operator: output.name, batchTime }, limits, timeout);
  if (!forsaken) return;
  throw new MillraceError(
    "ACTION_NOT_AWAITED",
    `${output.name} returned while an action of its RDD was still running.`,
    {
      hint: "Await every action (await rdd.count()), and make the function async, so that the batch is complete when it returns.",
      at: { operator: output.name, batchTime },
    },
  );
}

async function withTimeout(
  call: Promise<void>,
  at: { readonly operator: string; readonly batchTime: Time },
  { outputTimeoutMs, signal }: OutputLimits,
  timeout: AbortController,
): Promise<void> {
  const ended = Promise.withResolvers<never>();
  const stop = () => ended.reject(signal.reason);
  if (signal.aborted) stop();
  signal.addEventListener("abort", stop, { once: true });
  const timer =
    outputTimeoutMs === undefined
      ? undefined
      : setTimeout(() => {
          const error = new MillraceError(
            "OUTPUT_TIMEOUT",
            `${at.operator} took longer than outputTimeout (${outputTimeoutMs} ms).`,
            {
              hint: "Look for a promise that never settles, or raise outputTimeout. The function's batch.signal is aborted.",
              at,
            },
          );
          timeout.abort(error);
          ended.reject(error);
        }, outputTimeoutMs);
  try {
    await Promise.race([call, ended.promise]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
  }
}
