import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";

/** What the feeder is started with. */
export interface FeederConfig {
  readonly brokers: string;
  readonly topic: string;
  /** Undefined: until it is stopped. */
  readonly records: number | undefined;
}

/** What the feeder has written: what the job must have counted in the end. */
export interface Fed {
  readonly produced: number;
  readonly perCountry: Readonly<Record<string, number>>;
}

export type FeederMessage =
  | { readonly kind: "done"; readonly fed: Fed }
  | { readonly kind: "failed"; readonly message: string };

export interface FeederProcess extends Disposable {
  /** Settles when nothing more is written: all records are, or it was stopped, or it failed. */
  readonly fed: Promise<Fed>;
  /** Lets it finish what it is writing. */
  stop(): void;
}

/** In a process group of its own, so that Ctrl-C reaches the demo alone, which decides in which order things end. */
export function startFeeder(config: FeederConfig): FeederProcess {
  const child = fork(fileURLToPath(import.meta.resolve("./feeder.ts")), [JSON.stringify(config)], { detached: true });
  const { promise: fed, resolve, reject } = Promise.withResolvers<Fed>();
  child.once("message", (message: FeederMessage) => {
    if (message.kind === "done") resolve(message.fed);
    else reject(new Error(`The page views could not be written: ${message.message}`));
  });
  child.once("error", reject);
  child.once("exit", (code, signal) => reject(new Error(`The feeder ended unexpectedly (${signal ?? code}).`)));
  fed.catch(() => {}); // told by whoever awaits it
  return {
    fed,
    stop() {
      if (child.connected) child.send("stop");
    },
    [Symbol.dispose]() {
      child.kill();
    },
  };
}
