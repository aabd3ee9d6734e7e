import { createInterface } from "node:readline";
import { runJob } from "millrace";
import { answer, answerPass, heatFromArguments } from "../contest.ts";
import { digestOf } from "../workloads.ts";
import job, { setOnPass } from "./job.ts";

/** The engine: one batch over the whole topic, with one output for each pass that may be asked for. */

/** More outputs than anybody asks for; those that are left over read nothing. */
const PASSES_MAX = 50;
/** MiB. One batch takes everything. */
const UNBOUNDED = 1 << 20;

const { bootstrap, topic, workload, threads } = heatFromArguments();
const lines = createInterface(process.stdin)[Symbol.asyncIterator]();
let isReady = false;
setOnPass(async (compute) => {
  if (!isReady) answer({ type: "ready" });
  isReady = true;
  const { done } = await lines.next();
  if (!done) await answerPass(async () => digestOf(await compute()));
});
const running = await runJob(job, {
  master: threads === 0 ? "local" : `local[${threads}]`,
  trigger: "availableNow",
  maxBatchSize: UNBOUNDED,
  params: { brokers: bootstrap, topic, workload, passes: PASSES_MAX },
});
await running.awaitTermination();
