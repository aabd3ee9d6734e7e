import { type Border, type TestRun, testJob } from "millrace/testing";
import type { Random } from "../../bench/data/random.ts";
import type { Flow } from "./flow.ts";
import job from "./job.ts";

export interface Way {
  readonly master: "local" | "local[2]";
  readonly killed: boolean;
}

export const WAYS: readonly Way[] = [
  { master: "local", killed: false },
  { master: "local", killed: true },
  { master: "local[2]", killed: false },
  { master: "local[2]", killed: true },
];

export const nameOf = ({ master, killed }: Way) =>
  `${master === "local" ? "in this process" : "on threads"}, ${killed ? "killed and recovered half way" : "straight through"}`;

const BORDERS: readonly Border[] = ["before plan", "after plan", "after tasks", "after outputs", "after completion"];

/**
 * What a flow gives, batch by batch. A way that is killed also loses a task and an executor, in whatever batches come to it. `told` is
 * given a sentence of what happened.
 */
export async function runFlow(
  { name, inputs }: Flow,
  { master, killed }: Way,
  random: Random,
  told: (what: string) => void,
): Promise<unknown[][]> {
  const topics = Object.fromEntries(Object.keys(inputs).map((topic) => [topic, { partitions: 3 }]));
  await using run = await testJob(job, { topics, master, params: { flow: name } });
  const count = Math.max(...Object.values(inputs).map((batches) => batches.length));
  const plan = killed
    ? { crashAt: count >> 1, border: BORDERS[random.below(BORDERS.length)]!, faultAt: random.below(count) }
    : undefined;
  if (plan !== undefined) {
    told(
      `a task fails and an executor dies in batch ${plan.faultAt + 1}; killed ${plan.border} of ${plan.crashAt + 1}`,
    );
  }
  const outputs: unknown[][] = [];
  for (let batch = 0; batch < count; batch++) {
    for (const [topic, batches] of Object.entries(inputs)) {
      run.send(
        topic,
        (batches[batch] ?? []).map((value) => ({ value: JSON.stringify(value) })),
      );
    }
    if (batch === plan?.faultAt) {
      run.fail("task");
      run.fail("executor");
    }
    if (batch === plan?.crashAt) await killAndRecover(run, plan.border);
    else await run.tick();
    outputs.push(run.output("output"));
  }
  return outputs;
}

/** Leaves the batch complete, by the first driver or by the second. */
async function killAndRecover(run: TestRun, border: Border): Promise<void> {
  await run.crash(border);
  await run.restart();
  if (border !== "after completion") await run.tick();
}
