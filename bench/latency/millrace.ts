import { once } from "node:events";
import { join } from "node:path";
import { runJob } from "millrace";
import job from "./job.ts";
import type { LatencyHeat } from "./run.ts";

/** millrace in a process of its own: says `ready` when batches can come, and stops at the end of stdin. */

const { bootstrap, topic, sink, trigger, threads, folder, connection } = JSON.parse(process.argv[2]!) as LatencyHeat;
const running = await runJob(job, {
  master: `local[${threads}]`,
  checkpointDirectory: join(folder, "checkpoint"),
  trigger: trigger === "onData" ? trigger : "interval",
  params: { bootstrap, topic, sink, folder, connection },
});
console.log("ready");
await once(process.stdin.resume(), "end");
await running.stop();
