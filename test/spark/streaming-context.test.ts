/** Spark's StreamingContextTests. */
import assert from "node:assert/strict";
import { renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { runJob, StreamingContext } from "millrace";
import { ManualClock } from "../helpers/manual-clock.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";
import { range } from "./flow.ts";
import job, { results, suites } from "./flows-job.ts";
import { compare, MASTERS, runFlows } from "./run-flows.ts";

function context() {
  const ssc = new StreamingContext({ appName: "context", batchInterval: 20 });
  ssc.queueStream([range(5)]).foreachRDD(() => {});
  return ssc;
}

for (const master of MASTERS) {
  for (const name of ["queue_stream", "union", "transform", "transform_pairrdd"]) {
    test(`${name}, on ${master}`, async () => {
      const flow = suites.otherFlows.find((known) => known.name === name)!;
      compare(flow, await runFlows("otherFlows", name, { master }));
    });
  }

  test(`text_file_stream: each file that comes is read once, on ${master}`, async (t) => {
    const directory = temporaryFolder(t);
    const put = (name: string) => {
      const lines = range(10).map((i) => `${i}\n`);
      writeFileSync(join(directory, `.${name}`), lines.join(""));
      renameSync(join(directory, `.${name}`), join(directory, name));
    };
    results.clear();
    const clock = new ManualClock(1_000_000);
    const params = { suite: "otherFlows", only: "text_file_stream", directory };
    const running = await runJob(job, { master, clock, params });
    for (const name of ["a", "b"]) {
      put(name);
      await clock.wakeNext();
      await clock.untilAsleep();
    }
    await running.stop();
    const { expected } = suites.otherFlows.find(({ name }) => name === params.only)!;
    assert.deepEqual(results.get(params.only), expected);
  });
}

test("stop_only_streaming_context: there is no SparkContext to keep; the next context runs in the same process", async () => {
  for (const _ of ["first", "second"]) {
    const ssc = context();
    await ssc.start();
    await ssc.stop();
    assert.equal(ssc.getState(), "STOPPED");
  }
});

test("stop_multiple_times: a second stop does nothing", async () => {
  const ssc = context();
  await ssc.start();
  await ssc.stop();
  await ssc.stop();
  await ssc.stop({ graceful: false });
});

test("stop before start: the context is stopped, and does not start any more", async () => {
  const ssc = context();
  await ssc.stop();
  assert.equal(ssc.getState(), "STOPPED");
  await assert.rejects(ssc.start(), { code: "WRONG_STATE", message: /was stopped before/ });
});

test("get_active: none before a start, the context while it runs, none after its end, also when it fails", async () => {
  assert.equal(StreamingContext.getActive(), undefined);
  await using ssc = context();
  assert.equal(StreamingContext.getActive(), undefined);
  await ssc.start();
  assert.equal(StreamingContext.getActive(), ssc);
  await ssc.stop();
  assert.equal(StreamingContext.getActive(), undefined);

  const failing = new StreamingContext({ appName: "failing", batchInterval: 20 });
  failing.queueStream([[1]]).foreachRDD(() => {
    throw new Error("it fails");
  });
  await failing.start();
  await assert.rejects(failing.awaitTermination(), /it fails/);
  assert.equal(StreamingContext.getActive(), undefined);
  const idle = new StreamingContext({ appName: "idle", batchInterval: 20 });
  await assert.rejects(idle.start(), { code: "WRONG_STATE" });
  assert.equal(StreamingContext.getActive(), undefined);
});

test("get_active: several contexts run at once here; the one that was started last is the active one", async () => {
  await using one = context();
  await using other = context();
  assert.equal(one.getState(), "INITIALIZED");
  await other.start();
  await one.start();
  assert.deepEqual([one.getState(), other.getState()], ["ACTIVE", "ACTIVE"]);
  assert.equal(StreamingContext.getActive(), one);
  await one.stop();
  assert.deepEqual([one.getState(), other.getState()], ["STOPPED", "ACTIVE"]);
  assert.equal(StreamingContext.getActive(), other);
  await other.stop();
});

test("get_active_or_create: setup is called when nothing runs, and only then", async () => {
  let calls = 0;
  const setup = () => {
    calls++;
    return context();
  };
  await using ssc = StreamingContext.getActiveOrCreate(setup);
  assert.deepEqual([calls, ssc.getState()], [1, "INITIALIZED"]);
  await ssc.start();
  assert.equal(StreamingContext.getActiveOrCreate(setup), ssc);
  assert.equal(calls, 1);
  await ssc.stop();
  assert.notEqual(StreamingContext.getActiveOrCreate(setup), ssc);
  assert.equal(calls, 2);
  for (const wrong of ["no function", () => undefined]) {
    assert.throws(() => StreamingContext.getActiveOrCreate(wrong as never), { code: "BAD_OPTION" });
  }
});

test("await_termination_or_timeout: false while it runs, true when it has stopped", async () => {
  const ssc = context();
  await ssc.start();
  assert.equal(await ssc.awaitTerminationOrTimeout(1), false);
  await ssc.stop();
  assert.equal(await ssc.awaitTerminationOrTimeout(10_000), true);
});
