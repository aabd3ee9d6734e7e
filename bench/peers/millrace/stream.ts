import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runJob } from "millrace";
import type { PeerAnswer, PeerHeat } from "../peer.ts";
import job, { digestOfPass, observePass } from "./stream-job.ts";

const INTERVAL_MS = 1000;

/** Window, state and copy: the job runs over the whole topic in batches of one size, with a checkpoint, for each pass. */
export async function runStream(
  heat: PeerHeat,
  passes: AsyncIterator<string>,
  answer: (line: PeerAnswer) => void,
): Promise<void> {
  answer({ type: "ready" });
  for (let next = await passes.next(); !next.done; next = await passes.next()) {
    const checkpointDirectory = await mkdtemp(join(tmpdir(), "bench-millrace-"));
    const batchSeconds: number[] = [];
    // Each batch has the time of an interval of its own, as if it had waited for it: a window of three intervals holds three batches.
    let batchTime = 0;
    const clock = { now: () => batchTime, sleepUntil: async () => {} };
    let last = 0;
    observePass({
      onBatchSubmitted: () => {
        if (last === 0) last = performance.now();
        batchTime += INTERVAL_MS;
      },
      // Planning and the checkpoint are part of it.
      onBatchCompleted: () => {
        const now = performance.now();
        batchSeconds.push((now - last) / 1000);
        last = now;
      },
    });
    const { bootstrap, topic, workload, threads, perPartition, batches } = heat;
    const running = await runJob(job, {
      master: `local[${threads}]`,
      trigger: "availableNow",
      maxRatePerPartition: perPartition,
      checkpointDirectory,
      clock,
      params: { brokers: bootstrap, topic, workload, batches, outputTopic: next.value },
    });
    await running.awaitTermination();
    await rm(checkpointDirectory, { recursive: true });
    answer({ type: "pass", batchSeconds, digest: digestOfPass() });
  }
}
