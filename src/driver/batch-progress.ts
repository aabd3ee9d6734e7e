import type { BatchInfo, InputInfo, OutputInfo } from "../model/events.ts";
import type { BatchPlan } from "../model/plan.ts";

/** What is known of a batch so far, as listeners are told it. */
export class BatchProgress {
  readonly #plan: BatchPlan;
  readonly #inputs: readonly InputInfo[];
  readonly #outputs: OutputInfo[];
  readonly #submissionTime: number;
  #start: number | undefined;
  #end: number | undefined;

  constructor(plan: BatchPlan, inputs: readonly InputInfo[], outputs: readonly { name: string }[], now: number) {
    this.#plan = plan;
    this.#inputs = inputs;
    this.#outputs = outputs.map(({ name }) => ({ name, duration: undefined, failure: undefined }));
    this.#submissionTime = now;
  }

  started(now: number): void {
    this.#start = now;
  }

  output(index: number, info: Pick<OutputInfo, "duration" | "failure">): void {
    this.#outputs[index] = { ...this.#outputs[index]!, ...info };
  }

  ended(now: number): void {
    this.#end = now;
  }

  info(): BatchInfo {
    const { seq, batchTime } = this.#plan;
    const scheduling = this.#start === undefined ? undefined : Math.max(0, this.#start - batchTime);
    const processing = this.#start === undefined || this.#end === undefined ? undefined : this.#end - this.#start;
    return {
      seq,
      batchTime,
      inputs: this.#inputs,
      submissionTime: this.#submissionTime,
      processingStartTime: this.#start,
      processingEndTime: this.#end,
      schedulingDelay: scheduling,
      processingDelay: processing,
      totalDelay: scheduling === undefined || processing === undefined ? undefined : scheduling + processing,
      outputs: [...this.#outputs],
    };
  }
}
