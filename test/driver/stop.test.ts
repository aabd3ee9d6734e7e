/** How a stream ends. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { defineJob, type JobContext, type Master, MillraceError, type RunOptions, runJob } from "millrace";
import { hold } from "../fixtures/jobs/hanging.ts";
import { ManualClock } from "../helpers/manual-clock.ts";
import { assertNothingLeft } from "../helpers/open-resources.ts";
import { fixture } from "../helpers/run-fixture.ts";

const endless = () => new Promise<never>(() => {});

function start(build: (ssc: JobContext) => void, options: RunOptions<{}> = {}) {
  const job = defineJob({ appName: "stop", batchInterval: "1s", master: "local", trigger: "availableNow" }, build);
  return runJob(job, options);
}

/** A stream whose first batch waits until the test lets it go on. */
async function inFirstBatch(options: RunOptions<{}> = {}) {
  const entered = Promise.withResolvers<AbortSignal>();
  const gate = Promise.withResolvers<void>();
  const log: string[] = [];
  const running = await start((ssc) => {
    ssc.queueStream([[1, 2], [3]]).foreachRDD(async (rdd, _time, { seq, signal }) => {
      log.push(`${seq} begins`);
      entered.resolve(signal);
      await gate.promise;
      log.push(`${seq} has ${await rdd.count()}`);
    });
  }, options);
  return { running, log, gate, signal: await entered.promise };
}

test("a stream that has nothing to do ends itself, and says so", async (t) => {
  assertNothingLeft(t);
  const running = await start((ssc) => ssc.queueStream([[1]]).foreachRDD(() => {}));
  assert.equal(running.getState(), "ACTIVE");
  await running.awaitTermination();
  assert.equal(running.getState(), "STOPPED");
  await running.stop();
  await running.awaitTermination();
});

test("a graceful stop finishes the batch under way, and starts no other", async (t) => {
  assertNothingLeft(t);
  const { running, log, gate, signal } = await inFirstBatch();
  const stopping = running.stop();
  await nextTurn();
  assert.equal(running.getState(), "ACTIVE");
  assert.equal(signal.aborted, false, "a graceful stop aborts nothing");
  gate.resolve();
  await stopping;
  assert.deepEqual(log, ["1 begins", "1 has 2"]);
  assert.equal(running.getState(), "STOPPED");
  await running.awaitTermination();
});

test("a graceful stop between two batches waits for no tick", async (t) => {
  assertNothingLeft(t);
  const clock = new ManualClock(10_000);
  const running = await start((ssc) => ssc.queueStream([[1]]).foreachRDD(() => {}), { clock, trigger: "interval" });
  await clock.untilAsleep();
  await running.stop();
  assert.equal(running.getState(), "STOPPED");
});

test("a stop by force ends the batch, which then does not count", async (t) => {
  assertNothingLeft(t);
  const { running, log, signal } = await inFirstBatch();
  const completed: unknown[] = [];
  running.addStreamingListener({ onBatchCompleted: ({ outputs }) => completed.push(outputs[0]!.failure?.code) });
  await running.stop({ graceful: false });
  assert.deepEqual(log, ["1 begins"]);
  assert(signal.aborted && MillraceError.is(signal.reason, "STOPPED"));
  assert.deepEqual(completed, ["STOPPED"]);
  await running.awaitTermination();
});

test("a graceful stop becomes one by force when its timeout has passed", async (t) => {
  assertNothingLeft(t);
  const { running, log, signal } = await inFirstBatch();
  await running.stop({ timeout: "20ms" });
  assert(signal.aborted);
  assert.deepEqual(log, ["1 begins"]);
  await running.awaitTermination();
});

test("a second stop by force does not wait for the graceful one", async (t) => {
  assertNothingLeft(t);
  const { running } = await inFirstBatch();
  const graceful = running.stop();
  await running.stop({ graceful: false });
  await graceful;
  assert.equal(running.getState(), "STOPPED");
});

test("aborting the signal is a graceful stop, also when it was aborted before", async (t) => {
  assertNothingLeft(t);
  const controller = new AbortController();
  const { running, log, gate } = await inFirstBatch({ signal: controller.signal });
  controller.abort();
  gate.resolve();
  await running.awaitTermination();
  assert.deepEqual(log, ["1 begins", "1 has 2"]);
  const batches: number[] = [];
  const clock = new ManualClock(10_000);
  const never = await start((ssc) => ssc.queueStream([[1]]).foreachRDD((_, time) => void batches.push(time)), {
    signal: controller.signal,
    trigger: "interval",
    clock,
  });
  await never.awaitTermination();
  assert.deepEqual(batches, []);
});

test("await using stops gracefully at the end of the block", async (t) => {
  assertNothingLeft(t);
  let outside: Awaited<ReturnType<typeof inFirstBatch>>;
  {
    outside = await inFirstBatch();
    await using _ = outside.running;
    outside.gate.resolve();
  }
  assert.equal(outside.running.getState(), "STOPPED");
  assert.deepEqual(outside.log, ["1 begins", "1 has 2"]);
});

test("await using tells a failure that nobody has asked for, and only that", async (t) => {
  assertNothingLeft(t);
  const failing = () =>
    start((ssc) =>
      ssc.queueStream([[1]]).foreachRDD(() => {
        throw new Error("boom");
      }),
    );
  await assert.rejects(
    async () => {
      await using _ = await failing();
    },
    { code: "OUTPUT_FAILED" },
  );
  await assert.rejects(
    async () => {
      await using running = await failing();
      await running.awaitTermination();
    },
    { code: "OUTPUT_FAILED" },
    "and no SuppressedError around it",
  );
});

test("stop rejects with what made the stream fail", async (t) => {
  assertNothingLeft(t);
  const running = await start((ssc) =>
    ssc.queueStream([[1]]).foreachRDD(() => {
      throw new Error("boom");
    }),
  );
  await assert.rejects(running.stop(), { code: "OUTPUT_FAILED" });
  await assert.rejects(running.awaitTermination(), { code: "OUTPUT_FAILED" });
});

test("stop refuses options that are none", async (t) => {
  assertNothingLeft(t);
  const { running, gate } = await inFirstBatch();
  await assert.rejects(running.stop({ gracefull: false } as never), {
    code: "BAD_OPTION",
    hint: /Did you mean "graceful"\?/,
  });
  await assert.rejects(running.stop({ timeout: "soon" as never }), {
    code: "BAD_OPTION",
    message: /timeout is not a duration/,
  });
  gate.resolve();
  await running.stop();
});

/** Functions that hang, by where they hang. */
const hanging: Record<string, (ssc: JobContext) => void> = {
  "a task": (ssc) => ssc.queueStream([[1]]).foreachPartition(endless),
  mapAsync: (ssc) =>
    ssc
      .queueStream([[1]])
      .mapAsync(endless)
      .foreachRDD(async (rdd) => void (await rdd.count())),
  foreachRDD: (ssc) => ssc.queueStream([[1]]).foreachRDD(endless),
  onDriver: (ssc) => {
    ssc.onDriver(endless);
    ssc.queueStream([[1]]).foreachRDD(() => {});
  },
  "onDriver without streams": (ssc) => ssc.onDriver(endless),
};

for (const [where, build] of Object.entries(hanging)) {
  test(`a stop by force, and a timeout, end a function that hangs in ${where}`, { timeout: 10_000 }, async (t) => {
    assertNothingLeft(t);
    for (const options of [{ graceful: false }, { timeout: "20ms" }] as const) {
      const running = await start(build);
      await nextTurn();
      await running.stop(options);
      assert.equal(running.getState(), "STOPPED");
      await running.awaitTermination();
    }
  });
}

for (const [master, what] of [
  ["local[2]", "never returns"],
  ["local[2]", "never resolves"],
  ["local[2]", "never closes"],
  ["local", "never resolves"],
  ["local", "never closes"],
] as [Master, string][]) {
  test(`a stop by force ends a function that ${what} on ${master}`, { timeout: 10_000 }, async (t) => {
    assertNothingLeft(t);
    const entered = hold();
    const running = await runJob(fixture("hanging.ts"), { master, params: { what } });
    await entered;
    // So that the thread has its task when it is stopped.
    if (what === "never returns") await nextTurn();
    await running.stop({ timeout: "50ms" });
    assert.equal(running.getState(), "STOPPED");
  });
}

test("a stop while the stream starts ends it as well", async (t) => {
  assertNothingLeft(t);
  const { StreamingContext } = await import("millrace");
  const ssc = new StreamingContext({ appName: "stop", batchInterval: "1h" });
  ssc.queueStream([[1]]).foreachRDD(() => {});
  const starting = ssc.start();
  await ssc.stop();
  await starting;
  assert.equal(ssc.getState(), "STOPPED");
});

test("a StreamingContext runs once, and is described before that", async (t) => {
  assertNothingLeft(t);
  const { StreamingContext } = await import("millrace");
  const ssc = new StreamingContext({ appName: "once", batchInterval: 20, trigger: "availableNow" });
  const stream = ssc.queueStream([[1], [2]]);
  const batches: number[][] = [];
  stream.foreachRDD(async (rdd) => {
    batches.push(await rdd.collect());
  });
  assert.equal(ssc.getState(), "INITIALIZED");
  assert.throws(() => ssc.awaitTermination(), { code: "WRONG_STATE", hint: /await ssc\.start\(\)/ });
  await ssc.start();
  assert.throws(() => stream.map((n) => n), {
    code: "WRONG_STATE",
    message: /^map at stop\.test\.ts:\d+:\d+ was called after the stream had started/,
    hint: /Describe all streams/,
  });
  assert.throws(() => stream.foreachRDD(() => {}), { code: "WRONG_STATE", message: /^foreachRDD at/ });
  assert.throws(() => ssc.queueStream([[1]]), { code: "WRONG_STATE", message: /^queueStream at/ });
  await ssc.awaitTermination();
  await assert.rejects(ssc.start(), { code: "WRONG_STATE", message: /started before/ });
  assert.deepEqual(batches, [[1], [2]]);
});

test("a graph without outputs is refused: there would be nothing to do", async (t) => {
  assertNothingLeft(t);
  await assert.rejects(
    start((ssc) => void ssc.queueStream([[1]]).map((n) => n)),
    { code: "WRONG_STATE", message: /nothing to do/, hint: /foreachRDD, foreachPartition/ },
  );
});
