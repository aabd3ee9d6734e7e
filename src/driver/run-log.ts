import type { ResolvedOptions } from "../job/options.ts";
import { countText } from "../model/count-text.ts";
import { durationText, type Time } from "../model/duration.ts";
import { sentenceOf } from "../model/error-place.ts";
import type { MillraceError } from "../model/errors.ts";
import type {
  BatchInfo,
  DataLoss,
  Logger,
  OutputOperationInfo,
  RecordsSkipped,
  StreamingListener,
  TaskFailure,
} from "../model/events.ts";
import { OffsetRange } from "../model/offset-range.ts";
import { listOf } from "./found-at-start.ts";

type Limits = Pick<
  ResolvedOptions,
  "batchIntervalMs" | "trigger" | "taskMaxFailures" | "threads" | "checkpointDirectory"
>;

/** After this long a batch is told to be still at work, and again each time the wait has doubled. */
const STILL_AT_WORK_MS = 10_000;

/** A stream without new records tells of a batch this often: a second's interval would fill the log with a line each. */
const IDLE_TOLD_EVERY_MS = 60_000;

/**
 * The log is a listener like any other: one line per batch, one per failure. A line's message tells all of it to a person; its fields tell the
 * same to a program.
 */
export class RunLog implements StreamingListener {
  readonly #logger: Logger;
  readonly #limits: Limits;
  /** The batch under way. */
  #seq: number | undefined;
  #lastCompleted: number | undefined;
  /** The last batch without records that was told at level info, while no other batch has come since. */
  #idleToldAt: Time | undefined;
  /** Batches without records since, told at level debug only. */
  #idleUntold = 0;
  #failedBatch: { readonly seq: number; readonly failure: Error } | undefined;
  readonly #outputs = new Set<string>();
  /** By which a task of it failed last: four tries of one task are one story. */
  #taskError: string | undefined;
  #stillAtWork: NodeJS.Timeout | undefined;
  #stopping = false;
  #ended = false;

  constructor(logger: Logger, limits: Limits) {
    this.#logger = logger;
    this.#limits = limits;
  }

  /** The first line: loading the executors, or waiting for a turn, may take a while. */
  starting(appName: string): void {
    const { threads, trigger, batchIntervalMs, checkpointDirectory } = this.#limits;
    const where = threads === 0 ? "in this process" : countText(threads, "executor");
    const pace = {
      interval: `a batch every ${durationText(batchIntervalMs)}`,
      onData: "a batch as soon as there is data",
      availableNow: "until all that is there has been read",
    }[trigger];
    const kept =
      checkpointDirectory === undefined ? ", no checkpoint: a restart does not go on where this run ends" : "";
    const fields = { appName, threads, trigger, batchIntervalMs };
    this.#logger.info(fields, `starting ${appName}: ${where}, ${pace}${kept}`);
  }

  onStreamingStarted(): void {
    this.#logger.info({}, "the stream has started");
  }

  onBatchSubmitted(info: BatchInfo): void {
    this.#logger.debug(fieldsOf(info), `batch ${info.seq} is planned: ${amountOf(info)}`);
  }

  onBatchStarted({ seq }: BatchInfo): void {
    this.#seq = seq;
    this.#outputs.clear();
    this.#taskError = undefined;
    this.#tellLater(seq, STILL_AT_WORK_MS, STILL_AT_WORK_MS);
  }

  onOutputOperationStarted({ name }: OutputOperationInfo): void {
    this.#outputs.add(name);
  }

  onOutputOperationCompleted({ name }: OutputOperationInfo): void {
    this.#outputs.delete(name);
  }

  onBatchCompleted(info: BatchInfo): void {
    const { seq, failure, outputs, processingDelay = 0 } = info;
    this.#seq = undefined;
    clearTimeout(this.#stillAtWork);
    const fields = fieldsOf(info);
    if (failure !== undefined) {
      this.#failedBatch = { seq, failure };
      const output = outputs.find((one) => one.failure !== undefined)?.name;
      const sentence = sentenceOf(failure);
      const where = output === undefined || sentence.startsWith(output) ? "" : ` in ${output}`;
      this.#logger.error({ ...fields, output, err: failure }, `batch ${seq} failed${where}: ${sentence}`);
      return;
    }
    this.#lastCompleted = seq;
    const { trigger, batchIntervalMs } = this.#limits;
    const isLate = trigger === "interval" && processingDelay > batchIntervalMs;
    const completed = `batch ${seq}${missedText(info)} completed: ${amountOf(info)} in ${durationText(processingDelay)}`;
    if (!isLate && this.#isIdle(info)) {
      this.#logger.debug(fields, completed);
      return;
    }
    const done = `${completed}${this.#untoldText()}`;
    if (!isLate) this.#logger.info(fields, done);
    else {
      const late = `more than the interval of ${durationText(batchIntervalMs)}, so the next batch comes late`;
      this.#logger.warn(fields, `${done}, ${late}`);
    }
  }

  onBatchAbandoned(info: BatchInfo): void {
    const ranges = info.inputs.flatMap(({ offsetRanges }) => offsetRanges.map(OffsetRange.format));
    const fields = { ...fieldsOf(info), ranges };
    this.#logger.error(fields, `batch ${info.seq} is left out; the stream goes on without it${listOf(ranges, ": ")}`);
  }

  onTaskFailed({ batchTime, partition, attempt, executorId, error, willRetry }: TaskFailure): void {
    const fields = { batchTime: isoTime(batchTime), partition, attempt, executorId, err: error };
    const which = `task ${partition} failed on executor ${executorId}, try ${attempt} of ${this.#limits.taskMaxFailures}`;
    const sentence = sentenceOf(error);
    const [how, why] = sentence === this.#taskError ? [", by the same error", ""] : ["", `: ${sentence}`];
    this.#taskError = sentence;
    if (willRetry) this.#logger.warn(fields, `${which}${how}, and is tried again${why}`);
    else this.#logger.error(fields, `${which}${how}, and is not tried again${why}`);
  }

  onRecordsSkipped({ batchTime, source, operator, count, first: { error: err, ...first } }: RecordsSkipped): void {
    const fields = { batchTime: isoTime(batchTime), source, operator, count, ...first, err };
    const what = operator === undefined ? "that cannot be decoded" : `at which ${operator} throws`;
    const place = `${first.topic}-${first.partition}, offset ${first.offset}`;
    const left = `${countText(count, "record")} of ${source} ${what} ${count === 1 ? "was" : "were"} left out`;
    this.#logger.warn(fields, `${left}; the first, ${place}: ${err.message}`);
  }

  onExecutorLost({ executorId, error }: { executorId: number; error: MillraceError }): void {
    const then = this.#ended ? "" : " Another one takes its place.";
    this.#logger.warn({ executorId, err: error }, `${sentenceOf(error)}${then}`);
  }

  onDataLoss({ range, reason }: DataLoss): void {
    const text = `${OffsetRange.format(range)} is lost (${reason}); the stream goes on without it`;
    this.#logger.warn({ ...range, reason }, text);
  }

  onSweepFailed({ error }: { error: MillraceError }): void {
    const then = "Old files of the checkpoint stay there; it is tried again some batches later.";
    this.#logger.warn({ err: error }, `${sentenceOf(error)} ${then}`);
  }

  /** Somebody has asked for a graceful stop. */
  stopping(timeoutMs: number): void {
    if (this.#stopping) return;
    this.#stopping = true;
    const seq = this.#seq;
    if (seq === undefined) this.#logger.info({}, "stopping: no batch is under way");
    else
      this.#logger.info(
        { seq, timeoutMs },
        `stopping: batch ${seq} is finished first, for at most ${durationText(timeoutMs)}`,
      );
  }

  /** Nothing is waited for any more. */
  stoppingByForce(): void {
    this.#stopping = true;
    const seq = this.#seq;
    const lost =
      seq === undefined
        ? ""
        : `: batch ${seq} does not count${this.#limits.checkpointDirectory === undefined ? "" : ", and runs first at the next start"}`;
    this.#logger.warn({ seq }, `stopping at once${lost}`);
  }

  ended(failure: unknown): void {
    this.#ended = true;
    clearTimeout(this.#stillAtWork);
    const { seq, failure: told } = this.#failedBatch ?? {};
    if (failure !== undefined && failure === told) {
      // That line has told it in full; this one tells what follows from it.
      const next = this.#limits.checkpointDirectory === undefined ? "" : ", and runs first at the next start";
      this.#logger.error({ seq }, `the stream failed with batch ${seq}, which does not count${next}`);
    } else if (failure instanceof Error)
      this.#logger.error({ err: failure }, `the stream failed: ${sentenceOf(failure)}`);
    else if (failure !== undefined) this.#logger.error({ err: failure }, "the stream failed");
    else
      this.#logger.info(
        { seq: this.#lastCompleted },
        `the stream has stopped${this.#lastCompleted === undefined ? "" : ` after batch ${this.#lastCompleted}`}`,
      );
  }

  /** Whether a batch needs no line at level info, because it is as empty as the one that had the last. */
  #isIdle({ batchTime, inputs, missedTicks }: BatchInfo): boolean {
    const isEmpty = missedTicks === 0 && sumOf(inputs, "records") === 0 && sumOf(inputs, "lag") === 0;
    const isTold = this.#idleToldAt !== undefined && batchTime - this.#idleToldAt < IDLE_TOLD_EVERY_MS;
    if (isEmpty && isTold) {
      this.#idleUntold++;
      return true;
    }
    this.#idleToldAt = isEmpty ? batchTime : undefined;
    return false;
  }

  #untoldText(): string {
    const untold = this.#idleUntold;
    this.#idleUntold = 0;
    if (untold === 0) return "";
    return untold === 1 ? "; the batch before it had none" : `; the ${untold} batches before it had none`;
  }

  #tellLater(seq: number, afterMs: number, totalMs: number): void {
    this.#stillAtWork = setTimeout(() => {
      const outputs = [...this.#outputs];
      this.#logger.warn(
        { seq, outputs, runningMs: totalMs },
        `batch ${seq} is still at work after ${durationText(totalMs)}${listOf(outputs, ": ")}`,
      );
      this.#tellLater(seq, totalMs, totalMs * 2);
    }, afterMs);
    this.#stillAtWork.unref();
  }
}

const isoTime = (time: number) => new Date(time).toISOString();

function missedText({ missedTicks }: BatchInfo): string {
  return missedTicks === 0 ? "" : `, after ${countText(missedTicks, "missed tick")},`;
}

function amountOf({ inputs }: BatchInfo): string {
  const [records, lag] = [sumOf(inputs, "records"), sumOf(inputs, "lag")];
  const behind = lag === 0 ? "" : ` (${lag.toLocaleString("en-US")} more are waiting)`;
  return `${countText(records, "record")}${behind}`;
}

const sumOf = (inputs: BatchInfo["inputs"], of: "records" | "lag") =>
  inputs.reduce((total, input) => total + input[of], 0);

function fieldsOf({ seq, batchTime, missedTicks, inputs, processingDelay, schedulingDelay }: BatchInfo) {
  return {
    seq,
    batchTime: isoTime(batchTime),
    ...(missedTicks > 0 && { missedTicks }),
    records: sumOf(inputs, "records"),
    lag: sumOf(inputs, "lag"),
    processingMs: processingDelay,
    schedulingMs: schedulingDelay,
  };
}
