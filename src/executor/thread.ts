import { extname } from "node:path";
import { Worker } from "node:worker_threads";
import { fromPlainError, toPlainError } from "../model/error-transfer.ts";
import { MillraceError, unreachable } from "../model/errors.ts";
import type { RunningPlan } from "../model/plan.ts";
import type { Executor } from "./executor.ts";
import { heapLimits } from "./heap-limits.ts";
import type { BroadcastValue, FromExecutor, RunId, Task, TaskResult, ThreadData, ToExecutor } from "./protocol.ts";

/** The entry has the ending that this file has: .ts from the sources, .js in the package. */
const ENTRY = new URL(`./thread-entry${extname(import.meta.url)}`, import.meta.url);

interface Waiting<T> {
  resolve(value: T): void;
  reject(error: Error): void;
}

/** A worker thread that runs tasks, as the driver sees it. When it dies, its tasks are rejected once. */
export class ThreadExecutor implements Executor {
  readonly id: number;
  readonly #worker: Worker;
  readonly #tasks = new Map<number, Waiting<TaskResult>>();
  readonly #ready = Promise.withResolvers<readonly string[]>();
  readonly #died = Promise.withResolvers<MillraceError>();
  #nextTask = 0;
  #alive = true;
  #killedBecause: string | undefined;
  #error: Error | undefined;
  #closeError: Error | undefined;

  constructor(data: ThreadData, memoryMiB: number | undefined) {
    this.id = data.executorId;
    this.#ready.promise.catch(() => {});
    this.#worker = new Worker(ENTRY, {
      name: `executor-${data.executorId}`,
      workerData: { millrace: data },
      resourceLimits: heapLimits(memoryMiB),
    });
    this.#worker.on("message", (message: FromExecutor) => this.#receive(message));
    // What kills a thread is reported as an error first, then as its exit. What the thread itself could tell says more.
    this.#worker.on("error", (error) => {
      this.#error ??= fromPlainError(toPlainError(error));
    });
    this.#worker.on("exit", (code) => this.#die(code));
  }

  get alive(): boolean {
    return this.#alive;
  }

  get died(): Promise<MillraceError> {
    return this.#died.promise;
  }

  start(): Promise<readonly string[]> {
    return this.#ready.promise;
  }

  beginBatch(run: RunId, plan: RunningPlan, broadcasts: readonly BroadcastValue[]): void {
    this.#send({ type: "begin", run, plan, broadcasts });
  }

  endBatch(run: RunId): void {
    this.#send({ type: "end", run });
  }

  run(task: Task, signal: AbortSignal): Promise<TaskResult> {
    if (!this.#alive) return Promise.reject(this.#death(undefined));
    if (signal.aborted) return Promise.reject(signal.reason);
    const id = this.#nextTask++;
    const { promise, resolve, reject } = Promise.withResolvers<TaskResult>();
    this.#tasks.set(id, { resolve, reject });
    this.#send({ type: "task", id, task });
    const cancel = () => this.#send({ type: "cancel", id });
    signal.addEventListener("abort", cancel, { once: true });
    return promise.finally(() => signal.removeEventListener("abort", cancel));
  }

  kill(reason: string): boolean {
    this.#killedBecause ??= reason;
    this.#alive = false;
    void this.#worker.terminate();
    return true;
  }

  async stop(): Promise<void> {
    this.#send({ type: "stop" });
    await this.#died.promise;
    if (this.#closeError) throw this.#closeError;
  }

  #send(message: ToExecutor): void {
    if (this.#alive) this.#worker.postMessage(message);
  }

  #receive(message: FromExecutor): void {
    switch (message.type) {
      case "ready":
        this.#ready.resolve(message.fingerprint);
        break;
      case "notReady":
        this.#ready.reject(fromPlainError(message.error));
        break;
      case "done":
        this.#take(message.id)?.resolve(message.result);
        break;
      case "failed":
        this.#take(message.id)?.reject(fromPlainError(message.error));
        break;
      case "dying":
        this.#error = fromPlainError(message.error);
        break;
      case "stopped":
        if (message.error) this.#closeError = fromPlainError(message.error);
        void this.#worker.terminate();
        break;
      default:
        unreachable(message);
    }
  }

  #take(id: number): Waiting<TaskResult> | undefined {
    const waiting = this.#tasks.get(id);
    this.#tasks.delete(id);
    return waiting;
  }

  #die(code: number): void {
    this.#alive = false;
    const death = this.#death(code);
    this.#ready.reject(death);
    for (const { reject } of this.#tasks.values()) reject(death);
    this.#tasks.clear();
    this.#died.resolve(death);
  }

  #hint(outOfMemory: boolean): string {
    if (this.#killedBecause !== undefined) {
      return "Its thread was ended. Another one takes its place, and its tasks run again.";
    }
    if (outOfMemory)
      return "Keep less at a time, use more partitions, or give executors more with executorMemory (MiB).";
    return "Look for process.exit(), an unhandled rejection or a timer that throws in the job's code. The executor is replaced and its tasks run again.";
  }

  #death(code: number | undefined): MillraceError {
    // A job that starts itself without awaiting it: the rejection that nobody handles says what is wrong.
    if (MillraceError.is(this.#error, "JOB_STARTS_ITSELF")) return this.#error;
    const { code: errorCode } = (this.#error ?? {}) as { code?: string };
    const outOfMemory = errorCode === "ERR_WORKER_OUT_OF_MEMORY";
    const why =
      this.#killedBecause ??
      (outOfMemory
        ? "it ran out of heap memory"
        : this.#error === undefined
          ? `its thread exited with code ${code}`
          : `an error was not caught: ${this.#error.message}`);
    return new MillraceError("EXECUTOR_DIED", `Executor ${this.id} died: ${why}.`, {
      hint: this.#hint(outOfMemory),
      cause: this.#error,
    });
  }
}
