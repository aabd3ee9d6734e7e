/**
 * The process that runs the job, so that it can be killed as a machine would kill it. Started by `driver-process.ts`; it ends by itself when
 * that is gone.
 */
import { MillraceError, type RunningJob, runJob } from "millrace";
import type { DriverConfig, DriverMessage } from "./driver-process.ts";
import job from "./job.ts";

const { checkpointDirectory, maxRatePerPartition, ...params } = JSON.parse(process.argv[2]!) as DriverConfig;

process.once("disconnect", () => process.exit());

try {
  const running = await runJob(job, {
    master: "local[*]",
    params,
    checkpointDirectory,
    maxRatePerPartition,
    listeners: [
      {
        onBatchStarted: (info) => tell({ kind: "started", info }),
        onBatchCompleted: (info) => tell({ kind: "completed", info: { ...info, failure: undefined } }),
      },
    ],
  });
  process.once("message", () => void running.stop().catch(() => {})); // awaitTermination tells why
  await untilStopped(running);
} catch (error) {
  tell({ kind: "failed", message: MillraceError.is(error) ? `${error.message}\n${error.hint}` : String(error) });
}
if (process.connected) process.disconnect();

async function untilStopped(running: RunningJob): Promise<void> {
  await running.awaitTermination();
  tell({ kind: "stopped" });
}

function tell(message: DriverMessage): void {
  if (process.connected) process.send?.(message);
}
