import { messageOf } from "../model/error-transfer.ts";
import { internalError, MillraceError } from "../model/errors.ts";
import type { BatchInfo, InputInfo, OutputInfo, RecordsSkipped } from "../model/events.ts";
import type { BatchPlan } from "../model/plan.ts";
import type { ListenerBus } from "./listener-bus.ts";

/** What is known of a batch so far, as listeners are told it. Tells them of its outputs. */
export class BatchProgress {
  readonly #plan: BatchPlan;
  #inputs: readonly InputInfo[];
  readonly #missedTicks: number;
  readonly #outputs: OutputInfo[];
  readonly #submissionTime: number;
  readonly #bus: ListenerBus;
  #start: number | undefined;
  #end: number | undefined;
  #failure: Error | undefined;
  /** When they started, by index. */
  readonly #outputsAtWork = new Map<number, number>();
  readonly #done = new Set<string>();

  constructor(
    {
      plan,
      inputs,
      missedTicks,
    }: {
      readonly plan: BatchPlan;
      readonly inputs: readonly InputInfo[];
      readonly missedTicks: number;
    },
    outputs: readonly { name: string }[],
    now: number,
    bus: ListenerBus,
  ) {
    this.#plan = plan;
    this.#inputs = inputs;
    this.#missedTicks = missedTicks;
    this.#outputs = outputs.map(({ name }) => ({ name, duration: undefined, failure: undefined }));
    this.#submissionTime = now;
    this.#bus = bus;
  }

  started(now: number): void {
    this.#start = now;
  }

  /** Of an output with several steps, the first counts. */
  outputStarted(index: number, now: number): void {
    if (this.#outputsAtWork.has(index)) return;
    this.#outputsAtWork.set(index, now);
    const { seq, batchTime } = this.#plan;
    const info = { ...this.#outputs[index]!, seq, batchTime, id: index, startTime: now, endTime: undefined };
    this.#bus.emit("onOutputOperationStarted", info);
  }

  outputEnded(index: number, endTime: number, failure: OutputInfo["failure"]): void {
    const startTime = this.#outputsAtWork.get(index)!;
    this.#outputs[index] = { name: this.#outputs[index]!.name, duration: endTime - startTime, failure };
    this.#tellEnd(index, endTime, failure);
  }

  /** All of an output is written, or its function has returned. More than one of its steps is timed, so that says nothing. */
  outputDone(name: string): void {
    this.#done.add(name);
  }

  get done(): ReadonlySet<string> {
    return this.#done;
  }

  skipped(events: readonly RecordsSkipped[]): void {
    this.#inputs = this.#inputs.map((input) => {
      const own = events.filter(({ source }) => source === input.name);
      return own.length === 0 ? input : { ...input, skipped: own.reduce((sum, { count }) => sum + count, 0) };
    });
  }

  ended(now: number, failure: Error | undefined): void {
    // Another one failed between their steps.
    const why =
      failure === undefined || MillraceError.is(failure) ? failure : internalError(messageOf(failure), failure);
    for (const index of [...this.#outputsAtWork.keys()]) this.#tellEnd(index, now, why);
    this.#end = now;
    this.#failure = failure;
  }

  info(): BatchInfo {
    const { seq, batchTime } = this.#plan;
    const scheduling = this.#start === undefined ? undefined : Math.max(0, this.#start - batchTime);
    const processing = this.#start === undefined || this.#end === undefined ? undefined : this.#end - this.#start;
    return {
      seq,
      batchTime,
      missedTicks: this.#missedTicks,
      inputs: this.#inputs,
      submissionTime: this.#submissionTime,
      processingStartTime: this.#start,
      processingEndTime: this.#end,
      schedulingDelay: scheduling,
      processingDelay: processing,
      totalDelay: scheduling === undefined || processing === undefined ? undefined : scheduling + processing,
      outputs: [...this.#outputs],
      failure: this.#failure,
    };
  }

  #tellEnd(index: number, endTime: number, failure: OutputInfo["failure"]): void {
    const { seq, batchTime } = this.#plan;
    const { name } = this.#outputs[index]!;
    const startTime = this.#outputsAtWork.get(index)!;
    this.#outputsAtWork.delete(index);
    const duration = endTime - startTime;
    this.#bus.emit("onOutputOperationCompleted", {
      name,
      duration,
      failure,
      seq,
      batchTime,
      id: index,
      startTime,
      endTime,
    });
  }
}
