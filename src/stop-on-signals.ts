import type { Logger } from "./model/events.ts";
import type { RunningJob } from "./run-job.ts";

const SIGNALS = ["SIGINT", "SIGTERM"] as const;

/** Under npm and npx one Ctrl-C can arrive twice: from the terminal, and passed on by npm. */
const SAME_PRESS_MS = 500;

/** What the signals come from, and when. */
export interface SignalSource {
  readonly process: Pick<NodeJS.EventEmitter, "on" | "off">;
  /** Milliseconds, rising. */
  now(): number;
}

/** The first signal stops gracefully, a second one by force, which `forced` is told. @returns what removes the handlers. */
export function stopOnSignals(
  job: Pick<RunningJob, "stop">,
  logger: Logger | undefined,
  forced: () => void = () => {},
  source: SignalSource = { process, now: () => performance.now() },
): () => void {
  let firstAt: number | undefined;
  const received = (signal: NodeJS.Signals) => {
    const graceful = firstAt === undefined;
    firstAt ??= source.now();
    if (!graceful && source.now() - firstAt < SAME_PRESS_MS) return;
    const says = graceful ? "a graceful stop; once more stops at once" : "stops at once";
    logger?.info({ signal }, `${signal}: ${says}`);
    if (!graceful) forced();
    // A failure of the stream is told by awaitTermination; here it must only not be unhandled.
    void job.stop({ graceful }).catch(() => {});
  };
  for (const signal of SIGNALS) source.process.on(signal, received);
  return () => {
    for (const signal of SIGNALS) source.process.off(signal, received);
  };
}
