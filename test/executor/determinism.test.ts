/** The same plan gives the same task outputs, whatever runs where and ends first. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { Driver } from "../../src/driver/driver.ts";
import type { Executor } from "../../src/executor/executor.ts";
import { InProcessExecutor } from "../../src/executor/in-process.ts";
import type { Task, TaskResult } from "../../src/executor/protocol.ts";
import { ThreadExecutor } from "../../src/executor/thread.ts";
import { buildGraph } from "../../src/job/build-graph.ts";
import { resolveOptions } from "../../src/job/options.ts";
import { systemClock } from "../../src/model/clock.ts";
import { type Blocks, segmentsOf } from "../../src/shuffle/block.ts";
import { sums } from "../fixtures/jobs/float-sums.ts";
import job from "../fixtures/jobs/mixed-values.ts";
import { fixture, runFixture } from "../helpers/run-fixture.ts";
import { wireTokens } from "../helpers/wire-tokens.ts";

/** By task and consumer: what it wrote for each partition, segment by segment. */
type Outputs = Map<string, readonly string[][][]>;

function segments(output: readonly Uint8Array[] | Blocks): Uint8Array[][] {
  if (!("memory" in output)) return [[...output]];
  return Array.from({ length: output.first.length - 1 }, (_, p) => [...segmentsOf(output, p)]);
}

/** Takes its time, differently for each task, and keeps what its tasks gave. */
function recorded(executor: Executor, outputs: Outputs, turns: () => number): Executor {
  return {
    id: executor.id,
    died: executor.died,
    get alive() {
      return executor.alive;
    },
    start: () => executor.start(),
    stop: () => executor.stop(),
    kill: (reason) => executor.kill(reason),
    beginBatch: (run, plan, broadcasts) => executor.beginBatch(run, plan, broadcasts),
    endBatch: (run) => executor.endBatch(run),
    async run(task: Task, signal: AbortSignal): Promise<TaskResult> {
      for (let turn = turns(); turn > 0; turn--) await nextTurn();
      const result = await executor.run(task, signal);
      for (const [i, output] of result.results.entries()) {
        const written = segments(output as Uint8Array[] | Blocks);
        const tokens = written.map((ofPartition) => ofPartition.map(wireTokens));
        outputs.set(JSON.stringify(task.consumers[i]), tokens);
      }
      return result;
    },
  };
}

async function taskOutputs(executors: number, on: "threads" | "this thread", turns = () => 0): Promise<Outputs> {
  const options = resolveOptions("test", { ...job.options, master: `local[${executors}]` });
  const outputs: Outputs = new Map();
  const module = fixture("mixed-values.ts").href;
  const createExecutor = (executorId: number) =>
    recorded(
      on === "threads"
        ? new ThreadExecutor({ executorId, module, code: undefined, params: {}, brokers: undefined }, undefined)
        : new InProcessExecutor(() => buildGraph(job, {}).graph),
      outputs,
      turns,
    );
  const driver = new Driver({
    context: buildGraph(job, {}),
    options,
    createExecutor,
    clock: systemClock,
    openStore: undefined,
  });
  await driver.start();
  await driver.awaitTermination();
  return outputs;
}

function assertSame(outputs: Outputs, expected: Outputs): void {
  assert.deepEqual([...outputs.keys()].sort(), [...expected.keys()].sort());
  for (const [task, tokens] of expected) assert.deepEqual(outputs.get(task), tokens, `${task} differs`);
}

test("task outputs are the same bytes on 1 and on 4 executors, but for the form of numbers, texts and arrays, whichever task ends first", async () => {
  const expected = await taskOutputs(1, "this thread");
  assert.ok(expected.size > 30, `${expected.size} outputs`);
  let seed = 1;
  for (let run = 0; run < 2; run++) {
    const outputs = await taskOutputs(4, "this thread", () => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed % 10;
    });
    assertSame(outputs, expected);
  }
  assertSame(await taskOutputs(1, "threads"), expected);
  assertSame(await taskOutputs(4, "threads"), expected);
});

test("collected results are equal on 1 and on 4 threads, and in this process", async () => {
  const results: unknown[] = [];
  for (const master of ["local", "local[1]", "local[4]"] as const) {
    const { error } = await runFixture("float-sums.ts", { master });
    assert.equal(error, undefined);
    results.push(sums.splice(0));
  }
  assert.equal((results[0] as unknown[]).length, 14);
  assert.deepEqual(results[1], results[0]);
  assert.deepEqual(results[2], results[0]);
});
