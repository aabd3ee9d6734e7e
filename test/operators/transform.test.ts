/** Several streams into one: transform, transformWith, union. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { defineJob, type JobContext, runJob } from "millrace";
import { runPipeline } from "millrace/testing";

test("transform of several streams gets the RDDs of one batch, in their order", async () => {
  const outputs = await runPipeline({ a: [[1], [10]], b: [[2], [20]], c: [[3], [30]] }, ({ a, b, c }, ssc) =>
    ssc.transform([a, b, c], ([first, second, third]) => second.union(third, first)),
  );
  assert.deepEqual(outputs, [
    [2, 3, 1],
    [20, 30, 10],
  ]);
});

test("transform and transformWith know the batch time, and choose anew in each batch", async () => {
  const times: number[] = [];
  const [first, second] = await runPipeline([[1], [2]], (stream, ssc) =>
    stream.transformWith(ssc.queueStream([["a"], ["b"]]), (numbers, texts, time) => {
      if (!times.includes(time)) times.push(time);
      return time === times[0] ? numbers.map(String) : texts;
    }),
  );
  assert.deepEqual([first, second], [["1"], ["b"]]);
  assert.equal(times.length, 2);
  assert(times[0]! < times[1]!);
});

test("a failure inside transformWith names it and keeps the user's error", async () => {
  const special = new RangeError("this is a special error");
  await assert.rejects(
    runPipeline([[1]], (stream) =>
      stream.transformWith(stream, () => {
        throw special;
      }),
    ),
    { code: "TASK_FAILED", message: /transformWith at transform\.test\.ts:\d+:\d+ failed: this is a special error/ },
  );
});

test("no stream, or something else, is refused where it is written", async () => {
  const build = (f: (ssc: JobContext) => unknown) =>
    runJob(defineJob({ appName: "t", batchInterval: 20, master: "local" }, (ssc) => void f(ssc)));
  await assert.rejects(
    build((ssc) => ssc.union()),
    { code: "BAD_OPTION", message: /union takes at least one stream/ },
  );
  await assert.rejects(
    build((ssc) => ssc.union(5 as never)),
    { code: "BAD_OPTION", message: /it got number/ },
  );
  await assert.rejects(
    build((ssc) => ssc.transform([], () => undefined as never)),
    {
      code: "BAD_OPTION",
      message: /transform takes at least one stream/,
    },
  );
  await assert.rejects(
    build((ssc) => ssc.queueStream([]).transformWith(undefined as never, (rdd) => rdd)),
    {
      code: "BAD_OPTION",
      message: /transformWith takes another stream/,
    },
  );
});

test("a queue gives one list per batch, or all in the first, then its default", async () => {
  const run = (options: Parameters<JobContext["queueStream"]>[1]) =>
    runPipeline([[], [], []], (_, ssc) => ssc.queueStream<unknown>([[1, 2], [3]], options).glom());
  assert.deepEqual(await run({}), [[[1, 2]], [[3]], [[]]]);
  assert.deepEqual(await run({ oneAtATime: false, numPartitions: 2 }), [
    [[1], [2, 3]],
    [[], []],
    [[], []],
  ]);
  await assert.rejects(run({ default: 5 as never }), { code: "BAD_OPTION", message: /"default" must be an iterable/ });
});

test("the default of a queue comes in every batch after its lists", async () => {
  const outputs: number[][] = [];
  const ended = Promise.withResolvers<void>();
  const running = await runJob(
    defineJob({ appName: "t", batchInterval: 20, master: "local" }, (ssc) => {
      ssc.queueStream([[1]], { default: [7, 8] }).foreachRDD(async (rdd) => {
        if (outputs.push(await rdd.collect()) === 3) ended.resolve();
      });
    }),
  );
  await ended.promise;
  await running.stop();
  assert.deepEqual(outputs.slice(0, 3), [[1], [7, 8], [7, 8]]);
});
