import type { RunningJob } from "./run-job.ts";

const SIGNALS = ["SIGINT", "SIGTERM"] as const;

/** The first signal stops gracefully, a second one by force. @returns what removes the handlers. */
export function stopOnSignals(job: Pick<RunningJob, "stop">): () => void {
  let received = 0;
  // A failure of the stream is told by awaitTermination; here it must only not be unhandled.
  const stop = () => void job.stop({ graceful: ++received === 1 }).catch(() => {});
  for (const signal of SIGNALS) process.on(signal, stop);
  return () => {
    for (const signal of SIGNALS) process.off(signal, stop);
  };
}
