/** Broadcast values and accumulators: one version through a batch, each task counted once. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type Accumulator,
  type Broadcast,
  defineJob,
  type EngineOptions,
  type JobContext,
  KafkaUtils,
  runJob,
  StreamingContext,
} from "millrace";
import { runPipeline, testJob } from "millrace/testing";
import { Broadcasts } from "../../src/driver/broadcasts.ts";
import { Broadcast as DeclaredBroadcast } from "../../src/graph/shared-variables.ts";
import { decodeValues } from "../../src/shuffle/codec.ts";
import { seen } from "../fixtures/jobs/shared.ts";
import { assertRefused } from "../helpers/assert-error.ts";
import { ManualClock } from "../helpers/manual-clock.ts";
import { runFixture } from "../helpers/run-fixture.ts";
import { runGraph } from "../helpers/run-graph.ts";

const masters = ["local", "local[1]", "local[3]"] as const;
const troubles: readonly (readonly [trouble: string, failedBatches: number])[] = [
  ["none", 0],
  ["throws", 0],
  ["exits", 0],
  ["none", 2],
  ["throws", 1],
];

for (const master of masters) {
  for (const [trouble, failedBatches] of troubles) {
    test(`each task counts once, each batch sees one version: ${master}, ${trouble}, ${failedBatches} failed batches`, async () => {
      const { error, lost } = await runFixture("shared.ts", {
        master,
        params: { trouble, failedBatches },
        failedBatch: { retry: 3, backoff: 1 },
      });
      const batches = seen.splice(0);
      assert.equal(error, undefined);
      assert.equal(lost.length > 0, trouble === "exits" && master !== "local");
      // What a batch has added counts when it is complete, so a batch sees those before it.
      assert.deepEqual(
        batches.map(({ total }) => total),
        [0, 6, 6],
      );
      assert.deepEqual(
        batches.map(({ batches }) => batches),
        [0, 2, 4],
      );
      assert.deepEqual(
        batches.map(({ names }) => names),
        [["name 1", "name 2", "name 3", "nobody"], [], ["name 1", "name 1"]],
      );
      const [first, none, last] = batches.map(({ versions }) => versions);
      assert.deepEqual([first?.length, none?.length, last?.length], [1, 0, 1]);
      assert(first![0]! <= last![0]!);
    });
  }
}

test("a value is loaded before the first batch, and again when it is as old as refresh says", async () => {
  let loads = 0;
  const values = [[1], [1], [1], [1], [1]];
  const run = async (options: { refresh?: "2s" }) => {
    loads = 0;
    const outputs = await runPipeline(
      values,
      (stream, ssc) => {
        const count = ssc.broadcast(() => ++loads, options);
        return stream.map(() => count.value);
      },
      { batchInterval: "1s" },
    );
    return outputs.flat();
  };
  assert.deepEqual(await run({}), [1, 1, 1, 1, 1]);
  // Loaded at 0 s, 2 s and 4 s.
  assert.deepEqual(await run({ refresh: "2s" }), [1, 2, 2, 3, 3]);
});

test("the versions are in the plan; after a restart a planned batch keeps its own, the value is loaded anew", async () => {
  const clock = new ManualClock(0);
  const { signal } = new AbortController();
  let loads = 0;
  const declared = [new DeclaredBroadcast("broadcast-0", "broadcast at job.ts:1:1", () => ({ load: ++loads }), 100)];
  const contents = (broadcasts: Broadcasts) =>
    broadcasts.values().map(({ memory }) => decodeValues(new Uint8Array(memory)));
  const first = new Broadcasts(declared, clock, signal);
  await first.open(undefined);
  assert.deepEqual(await first.refresh(1), { "broadcast-0": 1 });
  clock.set(100);
  assert.deepEqual(await first.refresh(1), { "broadcast-0": 2 });
  assert.deepEqual(contents(first), [[{ load: 2 }]]);
  const second = new Broadcasts(declared, clock, signal);
  await second.open({ "broadcast-0": 2 });
  assert.equal(second.values()[0]!.version, 2);
  assert.deepEqual(contents(second), [[{ load: 3 }]]);
  assert.deepEqual(await new Broadcasts([], clock, signal).refresh(1), undefined);
});

for (const border of ["after plan", "after tasks", "after outputs"] as const) {
  test(`a driver that starts after a crash ${border} loads the value anew, and counts the batch once`, async () => {
    let loads = 0;
    let sum: Accumulator | undefined;
    const totals: number[] = [];
    const job = defineJob({ appName: "test", batchInterval: "1s" }, (ssc) => {
      const count = ssc.accumulator("records");
      const load = ssc.broadcast(() => ++loads);
      const kafka = { "bootstrap.servers": "nowhere.invalid:9092", "auto.offset.reset": "earliest" } as const;
      KafkaUtils.createDirectStream(ssc, ["numbers"], kafka)
        .map(({ value }) => {
          count.add(1);
          return `${value} by load ${load.value}`;
        })
        .foreachPartition(
          async (partition) => {
            for await (const _ of partition);
          },
          { name: "all" },
        );
      ssc.onDriver(() => {
        sum = count;
      });
    });
    await using run = await testJob(job, { topics: { numbers: {} } });
    run.send("numbers", [{ value: "1" }, { value: "2" }]);
    await run.tick();
    totals.push(sum!.value);
    assert.deepEqual(run.output("all"), ["1 by load 1", "2 by load 1"]);
    run.send("numbers", [{ value: "3" }]);
    await run.crash(border);
    await run.restart();
    await run.tick();
    totals.push(sum!.value);
    assert.deepEqual(run.output("all"), ["3 by load 2"]);
    run.send("numbers", [{ value: "4" }]);
    run.fail("task");
    await run.tick();
    totals.push(sum!.value);
    assert.deepEqual(totals, [2, 1, 2]);
  });
}

test("what a task changes in its copy, the driver and the next version do not see", async () => {
  const list = [1];
  const outputs = await runPipeline(
    [[2], [3]],
    (stream, ssc) => {
      const shared = ssc.broadcast(() => list, { refresh: "1s" });
      return stream.map((n) => shared.value.push(n));
    },
    { batchInterval: "1s" },
  );
  assert.deepEqual(outputs, [[2], [2]]);
  assert.deepEqual(list, [1]);
});

test("several accumulators and broadcasts, and a sum read on the driver when all is done", async () => {
  let sums: Accumulator[] = [];
  await runGraph((ssc) => {
    const [even, odd] = ["even", "odd"].map((name) => ssc.accumulator(name)) as [Accumulator, Accumulator];
    if (sums.length === 0) sums = [even, odd];
    const [ten, hundred] = [10, 100].map((n) => ssc.broadcast(() => n)) as [Broadcast<number>, Broadcast<number>];
    ssc.queueStream([[1, 2, 3], [4]]).foreachPartition(async (partition) => {
      for await (const n of partition) (n % 2 === 0 ? even : odd).add(n * (n === 1 ? hundred : ten).value);
    });
  });
  assert.deepEqual(
    sums.map(({ value }) => value),
    [60, 130],
  );
});

test("an action in onDriver counts as soon as it is done", async () => {
  const counts: number[] = [];
  await runGraph((ssc) => {
    const sum = ssc.accumulator("sum");
    const factor = ssc.broadcast(async () => 2);
    const rdd = ssc.parallelize([1, 2, 3], { numPartitions: 2 }).map((n) => {
      sum.add(n * factor.value);
      return n;
    });
    ssc.onDriver(async () => {
      counts.push(sum.value);
      await rdd.count();
      counts.push(sum.value);
    });
  });
  assert.deepEqual(counts, [0, 12]);
});

test("in a script, where driver and executor are one, the sides are told apart all the same", async () => {
  const ended = Promise.withResolvers<unknown>();
  const ssc = new StreamingContext({ appName: "script", batchInterval: 20 });
  const sum = ssc.accumulator("sum");
  const ten = ssc.broadcast(() => 10);
  ssc
    .queueStream([[1, 2], [3]])
    .mapAsync(async (n) => sum.add(n * ten.value))
    .foreachRDD(async (rdd) => {
      await rdd.count();
      if ((await rdd.count()) === 0) ended.resolve(sum.value);
      assert.throws(() => ten.value, { code: "WRONG_STATE" });
    });
  await ssc.start();
  await Promise.race([ended.promise, ssc.awaitTermination()]);
  await ssc.stop();
  // Each batch is computed by two actions, and by each task of them counted.
  assert.equal(await ended.promise, 120);
});

const runOne = (build: (ssc: JobContext) => void, options: EngineOptions = {}) =>
  runGraph(build, { taskMaxFailures: 1, ...options });

test("each side is refused what the other one is for", async () => {
  await assertRefused(
    runOne((ssc) => {
      const value = ssc.broadcast(() => 1);
      ssc.queueStream([[1]]).foreachRDD(() => void value.value);
    }),
    "WRONG_STATE",
    /The value of broadcast at shared-variables\.test\.ts:\d+:\d+ was asked for outside of a task/,
    /load function returned/,
  );
  await assertRefused(
    runOne((ssc) => {
      const sum = ssc.accumulator("sum");
      ssc.queueStream([[1]]).foreachRDD(() => sum.add(1));
    }),
    "WRONG_STATE",
    /The accumulator "sum" was added to outside of a task/,
    /use a variable/,
  );
  await assertRefused(
    runOne((ssc) => {
      const sum = ssc.accumulator("sum");
      ssc
        .queueStream([[1]])
        .map(() => sum.value)
        .pprint();
    }),
    "WRONG_STATE",
    /The accumulator "sum" was read in a task/,
    /Read the sum on the driver/,
  );
  await assertRefused(
    runOne((ssc) => {
      const value = ssc.broadcast(() => 1);
      ssc
        .queueStream([[1]])
        .transform((rdd) => (value.value > 0 ? rdd : rdd))
        .pprint();
    }),
    "WRONG_STATE",
    /outside of a task/,
    /functions that run on executors/,
  );
});

test("what cannot be shared is refused: no number, the same name twice, a function, a load that fails", async () => {
  await assert.rejects(
    runOne((ssc) => {
      const sum = ssc.accumulator("sum");
      ssc
        .queueStream([[1]])
        .map(() => sum.add("1" as never))
        .pprint();
    }),
    { code: "TASK_FAILED", message: /adds numbers; it got string/ },
  );
  await assert.rejects(
    runOne((ssc) => void [ssc.accumulator("sum"), ssc.accumulator("sum")]),
    { code: "BAD_OPTION", message: /Two accumulators are named "sum"/ },
  );
  const withValue = (load: () => unknown) =>
    runOne((ssc) => {
      ssc.broadcast(load);
      ssc.queueStream([[1]]).pprint();
    });
  await assert.rejects(
    withValue(() => ({ f: () => 1 })),
    {
      code: "NOT_CLONEABLE",
      message: /broadcast at .* value\[0\]\.f is a function/,
    },
  );
  await assert.rejects(
    withValue(async () => {
      throw new RangeError("no such table");
    }),
    { code: "OUTPUT_FAILED", message: /The load function of broadcast at .* failed: no such table/ },
  );
  await assert.rejects(
    runOne((ssc) => void ssc.broadcast(() => 1, { refresh: 0 })),
    { code: "BAD_OPTION", message: /refresh must be from 1 ms/ },
  );
});

test("a load that never ends does not keep a stop by force waiting", async () => {
  const hangs = Promise.withResolvers<void>();
  const job = defineJob({ appName: "hangs", batchInterval: 20, master: "local" }, (ssc) => {
    let loads = 0;
    const value = ssc.broadcast(
      () => {
        if (++loads === 1) return 1;
        hangs.resolve();
        return new Promise<number>(() => {});
      },
      { refresh: "1ms" },
    );
    ssc
      .queueStream([[1]])
      .map(() => value.value)
      .foreachRDD(() => {});
  });
  const running = await runJob(job);
  await hangs.promise;
  await running.stop({ graceful: false });
});
