import { runJob } from "millrace";
import job, { setOnPass } from "../../engine/job.ts";
import { digestOf, type Workload } from "../../workloads.ts";
import type { PeerAnswer, PeerHeat } from "../peer.ts";

/** More outputs than passes that anybody asks for; those that are left over read nothing. */
const PASSES_MAX = 50;
/** MiB. One batch takes everything. */
const UNBOUNDED = 1 << 20;

/** Count, word count and JSON: one batch over the whole topic, which is read again for each pass. */
export async function runOneBatch(
  { bootstrap, topic, workload, threads }: PeerHeat,
  passes: AsyncIterator<string>,
  answer: (line: PeerAnswer) => void,
): Promise<void> {
  let isReady = false;
  setOnPass(async (compute) => {
    if (!isReady) answer({ type: "ready" });
    isReady = true;
    const { done } = await passes.next();
    if (done) return;
    const started = performance.now();
    const digest = digestOf(await compute());
    answer({ type: "pass", batchSeconds: [(performance.now() - started) / 1000], digest });
  });
  const running = await runJob(job, {
    master: `local[${threads}]`,
    trigger: "availableNow",
    maxBatchSize: UNBOUNDED,
    params: { brokers: bootstrap, topic, workload: workload as Workload, passes: PASSES_MAX },
  });
  await running.awaitTermination();
}
