import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { inspect } from "node:util";
import { type Master, type RunOptions, runJob } from "millrace";
import { rushingClock } from "../helpers/rushing-clock.ts";
import job, { results, suites } from "./flows-job.ts";

export const MASTERS = ["local", "local[2]"] as const satisfies Master[];

/** As many as the longest window needs to run empty. */
const BATCHES = 14;
const INTERVAL_MS = 500;

/** Runs one flow of a suite, or all of them in one job, to the end. Rejects as its awaitTermination does. @returns what came out, by flow */
export async function runFlows(
  suite: keyof typeof suites,
  only: string,
  options: RunOptions<{}> = {},
): Promise<ReadonlyMap<string, readonly (readonly unknown[])[]>> {
  results.clear();
  const clock = rushingClock(BATCHES * INTERVAL_MS);
  const running = await runJob<{}>(job, { ...options, clock, signal: clock.over, params: { suite, only } as {} });
  await running.awaitTermination();
  return new Map(results);
}

/** A test for each flow of a suite: in this process each for itself, on threads all in one job, for its start takes a second. */
export function testFlows(suite: keyof typeof suites): void {
  for (const flow of suites[suite]) {
    test(`${flow.name}, on local`, async () => {
      compare(flow, await runFlows(suite, flow.name, { master: "local" }));
    });
  }
  describe("on local[2]", () => {
    let all: Awaited<ReturnType<typeof runFlows>>;
    before(async () => {
      all = await runFlows(suite, "", { master: "local[2]" });
    });
    for (const flow of suites[suite]) test(`${flow.name}, on local[2]`, () => compare(flow, all));
  });
}

/** As many batches as are expected, each in any order, as Spark's tests look at them. */
export function compare(
  { name, expected }: (typeof suites)[keyof typeof suites][number],
  outputs: Awaited<ReturnType<typeof runFlows>>,
): void {
  assert.deepEqual(outputs.get(name)!.slice(0, expected.length).map(inAnyOrder), expected.map(inAnyOrder));
}

export const inAnyOrder = (values: readonly unknown[]) =>
  values.toSorted((a, b) => (inspect(a) < inspect(b) ? -1 : inspect(a) > inspect(b) ? 1 : 0));
