import type { Heat } from "./contest.ts";
import { benchTopic, ensureTopics } from "./data/topics.ts";
import { race } from "./race.ts";
import { type Workload, workloads } from "./workloads.ts";

const RECORDS = 500_000;
const THREADS = 2;
/** Until the compiler has seen enough of both. */
const WARM_UP_PASSES = 6;
const WARM_PASSES = 6;

/**
 * The engine's speed as a part of the limit's, quickly: by CPU and by the best pass of each, which other work on the machine disturbs
 * least. Fails when their results differ.
 */
export async function smoke(bootstrap: string, workload: Workload): Promise<number> {
  const topic = benchTopic(workloads[workload].kind, "none", RECORDS);
  await ensureTopics(bootstrap, [topic], () => {});
  const heat: Heat = { bootstrap, topic: topic.topic, workload, codec: "none", records: RECORDS, threads: THREADS };
  const samples = await race(heat, {
    repetitions: 0,
    warmUpPasses: WARM_UP_PASSES,
    warmPasses: WARM_PASSES,
    java: false,
    build: "sources",
  });
  const best = (name: "limit" | "engine") =>
    Math.min(...samples.filter(({ competitor }) => competitor === name).map(({ cpuSeconds }) => cpuSeconds));
  return best("limit") / best("engine");
}
