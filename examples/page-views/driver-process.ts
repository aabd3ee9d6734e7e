import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { BatchInfo, StreamingListener } from "millrace";

/** What the driver is started with. */
export interface DriverConfig {
  readonly brokers: string;
  readonly topic: string;
  readonly database: string;
  readonly checkpointDirectory: string;
  readonly maxRatePerPartition?: number | undefined;
}

export type DriverMessage =
  | { readonly kind: "started" | "completed"; readonly info: BatchInfo }
  | { readonly kind: "stopped" }
  | { readonly kind: "failed"; readonly message: string };

export interface DriverProcess extends Disposable {
  /** Settles when the stream has been stopped; rejects when it, or its process, has ended otherwise. */
  readonly ended: Promise<void>;
  /** Finishes the batch under way. */
  stop(): Promise<void>;
  /** As a machine dies: nothing is finished. Resolves when the process is gone. */
  kill(): Promise<void>;
}

/** Told of the batches are `listeners`, as if they ran in the driver. */
export function startDriver(config: DriverConfig, listeners: readonly StreamingListener[]): DriverProcess {
  const child = fork(fileURLToPath(import.meta.resolve("./driver.ts")), [JSON.stringify(config)], {
    detached: true, // Ctrl-C reaches the demo alone, which decides in which order things end
    serialization: "advanced",
  });
  const { promise: ended, resolve, reject } = Promise.withResolvers<void>();
  const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  ended.catch(() => {}); // told by whoever awaits it
  child.on("message", (message: DriverMessage) => {
    switch (message.kind) {
      case "started":
        for (const listener of listeners) listener.onBatchStarted?.(message.info);
        break;
      case "completed":
        for (const listener of listeners) listener.onBatchCompleted?.(message.info);
        break;
      case "stopped":
        resolve();
        break;
      case "failed":
        reject(new Error(message.message));
    }
  });
  child.once("error", reject);
  child.once("exit", (code, signal) => reject(new Error(`The driver ended unexpectedly (${signal ?? code}).`)));
  return {
    ended,
    async stop() {
      if (child.connected) child.send("stop");
      await ended;
      await gone;
    },
    async kill() {
      child.kill("SIGKILL");
      await gone;
    },
    [Symbol.dispose]() {
      child.kill("SIGKILL");
    },
  };
}
