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

  outputStarted(index: number, now: number): void {
    const { seq, batchTime } = this.#plan;
    const output = this.#outputs[index]!;
    const info = { ...output, seq, batchTime, id: index, startTime: now, endTime: undefined };
    this.#bus.emit("onOutputOperationStarted", info);
  }

  outputEnded(index: number, startTime: number, endTime: number, failure: OutputInfo["failure"]): void {
    const { seq, batchTime } = this.#plan;
    const output = { name: this.#outputs[index]!.name, duration: endTime - startTime, failure };
    this.#outputs[index] = output;
    this.#bus.emit("onOutputOperationCompleted", { ...output, seq, batchTime, id: index, startTime, endTime });
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
}
