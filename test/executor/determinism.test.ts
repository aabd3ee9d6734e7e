/** The same plan gives the same values, to the last bit, whatever runs where and ends first. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { defineJob, type JobContext } from "millrace";
import { Driver } from "../../src/driver/driver.ts";
import { InProcessExecutor } from "../../src/executor/in-process.ts";
import type { Task, TaskResult } from "../../src/executor/protocol.ts";
import { buildGraph } from "../../src/job/build-graph.ts";
import { resolveOptions } from "../../src/job/options.ts";
import { systemClock } from "../../src/model/clock.ts";
import { type Blocks, segmentsOf } from "../../src/shuffle/block.ts";
import { decodeValues } from "../../src/shuffle/codec.ts";
import { sums } from "../fixtures/jobs/float-sums.ts";
import { runFixture } from "../helpers/run-fixture.ts";

/** Numbers whose sum depends on the order in which they are added. */
const values = Array.from({ length: 2_000 }, (_, i) => Math.sin(i) * 10 ** (i % 17));

function build(ssc: JobContext): void {
  ssc
    .queueStream([values], { numPartitions: 6 })
    .repartition(5)
    .map((x) => [{ digit: Math.abs(Math.trunc(x)) % 7 }, x])
    .groupByKey({ numPartitions: 4 })
    .mapValues((xs) => xs.reduce((a, b) => a + b, 0))
    .map(([{ digit }, sum]) => [digit % 2, sum])
    .reduceByKey((a, b) => a + b)
    .foreachRDD(async (rdd) => {
      await rdd.collect();
    });
}

type Outputs = Map<string, unknown>;

/**
 * Values, not bytes: V8's codec writes a whole number as an integer or as a double, after what it has seen in that array's place before.
 */
function decoded(output: readonly Uint8Array[] | Blocks): unknown {
  if ("map" in output) return output.map(decodeValues);
  return Array.from({ length: output.first.length - 1 }, (_, p) => [...segmentsOf(output, p)].map(decodeValues));
}

/** Takes its time, differently for each task, and keeps what its tasks gave. */
class Recorder extends InProcessExecutor {
  readonly outputs: Outputs;
  readonly turns: () => number;

  constructor(graph: () => ReturnType<typeof buildGraph>["graph"], outputs: Outputs, turns: () => number) {
    super(graph);
    this.outputs = outputs;
    this.turns = turns;
  }

  override async run(task: Task, signal: AbortSignal): Promise<TaskResult> {
    for (let turn = this.turns(); turn > 0; turn--) await nextTurn();
    const result = await super.run(task, signal);
    for (const [i, output] of result.results.entries()) {
      this.outputs.set(JSON.stringify(task.consumers[i]), decoded(output as Uint8Array[] | Blocks));
    }
    return result;
  }
}

async function taskOutputs(executors: number, turns: () => number): Promise<Outputs> {
  const job = defineJob({ appName: "determinism", batchInterval: 20, trigger: "availableNow" }, build);
  const options = resolveOptions("test", { ...job.options, master: `local[${executors}]` });
  const outputs = new Map<string, unknown>();
  const createExecutor = () => new Recorder(() => buildGraph(job, {}).graph, outputs, turns);
  const context = buildGraph(job, {});
  const driver = new Driver({ context, options, createExecutor, clock: systemClock, openStore: undefined });
  await driver.start();
  await driver.awaitTermination();
  return new Map([...outputs].toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

test("task outputs are the same on 1 and on 4 executors, whichever task ends first", async () => {
  const expected = await taskOutputs(1, () => 0);
  assert.equal(expected.size, 6 + 5 + 4 + 4);
  let seed = 1;
  for (let run = 0; run < 5; run++) {
    const outputs = await taskOutputs(4, () => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed % 10;
    });
    for (const [task, values] of expected) assert(isDeepStrictEqual(outputs.get(task), values), `${task} differs`);
    assert.equal(outputs.size, expected.size);
  }
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
