import type { Driver } from "../driver/driver.ts";
import type { Border, DriverProbe } from "../driver/probe.ts";
import { streamsOf } from "../driver/streams.ts";
import type { JobContext } from "../graph/job-context.ts";
import type { Output } from "../graph/node.ts";
import { messageOf } from "../model/error-transfer.ts";
import { assert, MillraceError } from "../model/errors.ts";
import type { BatchInfo } from "../model/events.ts";
import type { CapturedOutputs } from "./captured-outputs.ts";
import type { HeldClock } from "./held-clock.ts";

/** One driver of a job under test: goes on for one batch at a time, and dies where it is told to. */
export class DriverUnderTest implements DriverProbe {
  readonly #clock: HeldClock;
  readonly #outputs: CapturedOutputs;
  #driver: Driver | undefined;
  #context: JobContext | undefined;
  /** Settles like awaitTermination. */
  #ended: Promise<void> = Promise.resolve();
  #failure: { readonly error: unknown; told: boolean } | undefined;
  #batch: PromiseWithResolvers<BatchInfo> | undefined;
  #completed = false;
  /** Whether this driver has planned the batch under way. The one before may have, and died. */
  #planned = false;
  /** Lets a batch run that did not wait for its time: that has come already, or the driver before has planned it. */
  #runDueBatch: (() => void) | undefined;
  readonly #batchIsDue = Promise.withResolvers<void>();
  #diesAt: Border | undefined;
  #death: MillraceError | undefined;

  constructor(clock: HeldClock, outputs: CapturedOutputs) {
    this.#clock = clock;
    this.#outputs = outputs;
  }

  attach(driver: Driver, context: JobContext): void {
    this.#driver = driver;
    this.#context = context;
    context.addStreamingListener({
      // Also of each try that failed.
      onBatchCompleted: (info) => this.#completed && this.#done(info),
      onBatchAbandoned: (info) => this.#done(info),
    });
  }

  get context(): JobContext {
    assert(this.#context !== undefined, "a driver that is not attached");
    return this.#context;
  }

  async start(): Promise<void> {
    await this.#running.start();
    this.#ended = this.#running.awaitTermination().catch((error) => {
      this.#failure = { error, told: false };
    });
    if (streamsOf(this.context).length === 0) return;
    await Promise.race([this.#clock.untilAsleep(), this.#batchIsDue.promise, this.#ended]);
  }

  /** @throws WRONG_STATE */
  refuseUnlessIdle(method: string): void {
    const why =
      this.#death?.message ??
      (this.#failure && `The job has failed: ${messageOf(this.#failure.error)}`) ??
      (this.#running.state === "ACTIVE" ? undefined : "The job has ended.");
    if (why !== undefined) {
      throw new MillraceError("WRONG_STATE", `${method} was called on a job that does not run. ${why}`, {
        hint: "restart() goes on from the checkpoint.",
        cause: this.#failure?.error,
      });
    }
    if (this.#batch === undefined) return;
    throw new MillraceError("WRONG_STATE", `${method} was called while a batch is under way.`, {
      hint: "Await each tick.",
    });
  }

  /** Rejects with what the job fails of before the batch is complete. */
  async nextBatch(): Promise<BatchInfo> {
    this.#batch = Promise.withResolvers<BatchInfo>();
    this.#completed = false;
    try {
      this.#clock.release();
      this.#runDueBatch?.();
      return await Promise.race([this.#batch.promise, this.#ended.then(() => this.#throwEnd())]);
    } finally {
      this.#batch = undefined;
      this.#clock.hold();
    }
  }

  async dieAt(border: Border): Promise<MillraceError> {
    this.#diesAt = border;
    await this.nextBatch().catch((error) => {
      if (this.#death === undefined) throw error;
    });
    if (this.#death !== undefined) return this.#death;
    this.#diesAt = undefined;
    throw new MillraceError("WRONG_STATE", `No driver died ${border}: the batch failed before, and was left out.`, {
      hint: 'The job has failedBatch "continue".',
    });
  }

  /** What waits for a tick will not wait any longer. */
  async stop(): Promise<void> {
    const graceful = this.#runDueBatch === undefined;
    await this.#driver?.stop({ graceful }).catch(() => {});
    await this.#ended;
  }

  throwUntoldFailure(): void {
    if (this.#failure !== undefined && !this.#failure.told) throw this.#failure.error;
  }

  async atBorder(border: Border, force: AbortSignal): Promise<void> {
    const isFirst = border === "before plan" || (border === "after plan" && !this.#planned);
    if (isFirst && this.#batch === undefined) await this.#waitForTick(force);
    if (border === "before plan") this.#planned = true;
    const dies = this.#diesAt === border || (this.#diesAt === "before plan" && !this.#planned);
    if (dies) {
      this.#die(border);
      return;
    }
    if (border === "after completion") this.#completed = true;
  }

  onOutput(output: Output, seq: number, values: readonly unknown[]): void {
    this.#outputs.take(output, seq, values);
  }

  get #running(): Driver {
    assert(this.#driver !== undefined, "a driver that is not attached");
    return this.#driver;
  }

  async #waitForTick(force: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#runDueBatch = resolve;
    force.addEventListener("abort", () => resolve(), { once: true });
    this.#batchIsDue.resolve();
    await promise;
    this.#runDueBatch = undefined;
  }

  #done(info: BatchInfo): void {
    this.#planned = false;
    this.#clock.hold();
    this.#batch?.resolve(info);
  }

  #die(border: Border): void {
    this.#death = new MillraceError("STOPPED", `The driver died ${border}: the test asked for it.`, {
      hint: "restart() goes on from the checkpoint.",
    });
    // The dead tell nobody.
    this.context.listeners.splice(0);
    void this.#running.stop({ graceful: false }).catch(() => {});
  }

  #throwEnd(): never {
    if (this.#failure === undefined) {
      throw new MillraceError("WRONG_STATE", "The job has ended before the batch was complete.", {
        hint: "Only a job with streams has batches, until it is stopped.",
      });
    }
    this.#failure.told = true;
    throw this.#failure.error;
  }
}
