/** A batch's outputs: their order, the pass they share, and what their failure means. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import {
  type BatchInfo,
  type BatchRDD,
  type DStream,
  defineJob,
  type JobContext,
  MillraceError,
  type RunOptions,
  runJob,
  StreamingContext,
} from "millrace";
import { defineSink } from "millrace/sinks";
import { ManualClock } from "../helpers/manual-clock.ts";
import { assertNothingLeft } from "../helpers/open-resources.ts";
import { runGraph } from "../helpers/run-graph.ts";

function start(build: (ssc: JobContext) => void, options: RunOptions<{}> = {}) {
  const job = defineJob({ appName: "outputs", batchInterval: 20, master: "local", trigger: "availableNow" }, build);
  return runJob(job, options);
}

const later = async <T>(value: T): Promise<T> => {
  for (let turn = 0; turn < 5; turn++) await nextTurn();
  return value;
};

test("outputs on the driver run one after the other, in the order of registration", async (t) => {
  assertNothingLeft(t);
  const log: string[] = [];
  await runGraph((ssc) => {
    const stream = ssc.queueStream([[1], [2]]);
    for (const name of ["a", "b"]) {
      stream.foreachRDD(async (_rdd, _time, { seq }) => {
        log.push(`${name}${seq} begins`);
        await later(undefined);
        log.push(`${name}${seq} ends`);
      });
    }
  });
  assert.deepEqual(
    log,
    ["a1", "b1", "a2", "b2"].flatMap((output) => [`${output} begins`, `${output} ends`]),
  );
});

test("several foreachPartition outputs share one pass over the source", async (t) => {
  assertNothingLeft(t);
  const read: number[] = [];
  const seen: Record<string, number[]> = { plain: [], tens: [], even: [] };
  const into = (name: string) => async (partition: AsyncIterable<number>) => {
    for await (const n of partition) seen[name]!.push(n);
  };
  await runGraph((ssc) => {
    const stream = ssc.queueStream([[1, 2, 3, 4]], { numPartitions: 2 }).map((n) => {
      read.push(n);
      return n;
    });
    stream.foreachPartition(into("plain"));
    stream.map((n) => n * 10).foreachPartition(into("tens"));
    stream.filter((n) => n % 2 === 0).foreachPartition(into("even"));
  });
  assert.deepEqual(read, [1, 2, 3, 4]);
  assert.deepEqual(seen, { plain: [1, 2, 3, 4], tens: [10, 20, 30, 40], even: [2, 4] });
});

test("a foreachPartition output that leaves early takes nothing from the others", async (t) => {
  assertNothingLeft(t);
  const values = Array.from({ length: 20_000 }, (_, i) => i);
  let counted = 0;
  await runGraph((ssc) => {
    const stream = ssc.queueStream([values]).repartition(1);
    stream.foreachPartition(() => {});
    stream.foreachPartition(async (partition) => {
      for await (const _ of partition) counted++;
    });
  });
  assert.equal(counted, 20_000);
});

test("a slow foreachPartition output sets the pace of the others, and all get everything", async (t) => {
  assertNothingLeft(t);
  const values = Array.from({ length: 40_000 }, (_, i) => i);
  const counts = [0, 0];
  await runGraph((ssc) => {
    const stream = ssc.queueStream([values]).repartition(1);
    for (const which of [0, 1]) {
      stream.foreachPartition(async (partition) => {
        for await (const chunk of partition.chunks()) {
          if (which === 0) await later(undefined);
          counts[which]! += chunk.length;
        }
      });
    }
  });
  assert.deepEqual(counts, [40_000, 40_000]);
});

test("an output that fails ends the stream: the next ones do not run, nor does the next batch", async (t) => {
  assertNothingLeft(t);
  const log: string[] = [];
  const running = await start((ssc) => {
    const stream = ssc.queueStream([[1], [2], [3]]);
    stream.foreachRDD((_rdd, _time, { seq }) => void log.push(`first ${seq}`));
    stream.foreachRDD(
      (_rdd, _time, { seq }) => {
        if (seq === 2) throw new TypeError("boom");
      },
      { name: "second" },
    );
    stream.foreachRDD((_rdd, _time, { seq }) => void log.push(`third ${seq}`));
  });
  await assert.rejects(running.awaitTermination(), (error) => {
    assert(MillraceError.is(error, "OUTPUT_FAILED"));
    assert.equal(error.message, "second failed: boom");
    assert.match(error.hint, /offsets do not move/);
    assert(error.cause instanceof TypeError);
    return true;
  });
  assert.deepEqual(log, ["first 1", "third 1", "first 2"]);
});

test("what fails on the driver says in which output and which batch", async (t) => {
  assertNothingLeft(t);
  const boom = () => {
    throw new Error("boom");
  };
  const sink = defineSink<number, void>({
    open: async () => {},
    fence: async () => {},
    commitBatch: async () => boom(),
    close: async () => {},
  });
  const failing: ReadonlyArray<(stream: DStream<number>) => void> = [
    (stream) => stream.foreachRDD(boom, { name: "failing" }),
    (stream) => stream.foreachRDD(() => new Promise(() => {}), { name: "failing" }),
    (stream) => stream.saveTo(sink, { name: "failing" }),
  ];
  for (const build of failing) {
    const batches: BatchInfo[] = [];
    const running = await start(
      (ssc) => {
        ssc.addStreamingListener({ onBatchCompleted: (info) => batches.push(info) });
        build(ssc.queueStream([[1]]));
      },
      { outputTimeout: "20ms" },
    );
    await assert.rejects(running.awaitTermination(), (error) => {
      assert(MillraceError.is(error));
      assert.deepEqual(error.at, { operator: "failing", batchTime: batches[0]?.batchTime });
      return true;
    });
  }
});

test("outputTimeout fails an output that takes too long, and tells it", async (t) => {
  assertNothingLeft(t);
  let told: unknown;
  const running = await start(
    (ssc) =>
      ssc.queueStream([[1]]).foreachRDD(
        (_rdd, _time, { signal }) =>
          new Promise(() => {
            signal.addEventListener("abort", () => {
              told = signal.reason;
            });
          }),
        { name: "slow" },
      ),
    { outputTimeout: "20ms" },
  );
  await assert.rejects(running.awaitTermination(), (error) => {
    assert(MillraceError.is(error, "OUTPUT_TIMEOUT"));
    assert.equal(error.message, "slow took longer than outputTimeout (20 ms).");
    assert.match(error.hint, /never settles/);
    assert.equal(told, error);
    return true;
  });
});

test("an output that timed out and asks on is refused, so that it can clean up", async (t) => {
  assertNothingLeft(t);
  const refused = Promise.withResolvers<unknown>();
  const running = await start(
    (ssc) =>
      ssc
        .queueStream([[1]])
        .mapAsync(
          (n, { signal }) => new Promise<number>((resolve) => signal.addEventListener("abort", () => resolve(n))),
        )
        .foreachRDD(async (rdd) => {
          try {
            await rdd.count();
          } catch (error) {
            refused.resolve(error);
          }
        }),
    { outputTimeout: "20ms" },
  );
  await assert.rejects(running.awaitTermination(), { code: "OUTPUT_TIMEOUT" });
  assert(MillraceError.is(await refused.promise, "ACTION_AFTER_BATCH"));
});

const forgotten: Record<string, (rdd: BatchRDD<number>) => unknown> = {
  count: (rdd) => rdd.count(),
  "two actions": (rdd) => [rdd.collect(), rdd.take(1)],
  "a loop": async (rdd) => {
    for await (const _ of rdd);
  },
};

for (const [what, act] of Object.entries(forgotten)) {
  test(`${what} that nobody awaits fails the batch in words, and not the process`, async (t) => {
    assertNothingLeft(t);
    for (const map of [
      later,
      async () => {
        await later(undefined);
        throw new Error("and it would have failed");
      },
    ]) {
      const running = await start((ssc) =>
        ssc
          .queueStream([[1], [2]])
          .mapAsync(map as (n: number) => Promise<number>)
          .foreachRDD((rdd) => void act(rdd)),
      );
      await assert.rejects(running.awaitTermination(), (error) => {
        assert(MillraceError.is(error, "ACTION_NOT_AWAITED"));
        assert.match(error.message, /^foreachRDD at outputs\.test\.ts:\d+:\d+ returned while an action/);
        assert.match(error.hint, /Await every action/);
        return true;
      });
    }
    // Unhandled rejections of what was dropped would come up in these turns, and fail the test.
    await later(undefined);
  });
}

test("an action that was awaited by hand is no reason to fail", async (t) => {
  assertNothingLeft(t);
  const seen: unknown[] = [];
  await runGraph((ssc) => {
    ssc.queueStream([[1, 2], [3]]).foreachRDD(async (rdd) => {
      const counting = rdd.count();
      seen.push(await rdd.collect(), await counting);
    });
  });
  assert.deepEqual(seen, [[1, 2], 2, [3], 1]);
});

test("when the function throws beside an action under way, its own error is the one that is told", async (t) => {
  assertNothingLeft(t);
  const running = await start((ssc) =>
    ssc
      .queueStream([[1]])
      .mapAsync(later)
      .foreachRDD(async (rdd) => {
        void rdd.count();
        throw new Error("first");
      }),
  );
  await assert.rejects(running.awaitTermination(), { code: "OUTPUT_FAILED", message: /failed: first$/ });
  await later(undefined);
});

test("onDriver: a job without streams ends when its functions have settled", async (t) => {
  assertNothingLeft(t);
  const log: string[] = [];
  const running = await start((ssc) => {
    const rdd = ssc.parallelize([1, 2, 3]);
    ssc.onDriver(async () => {
      log.push(`sum ${await rdd.sum()}`);
    });
    ssc.onDriver(async () => {
      log.push(await later("later"));
    });
    ssc.onDriver(() => void log.push("at once"));
  });
  await running.awaitTermination();
  assert.deepEqual(log.toSorted(), ["at once", "later", "sum 6"]);
});

test("onDriver: a failure stops the job, and what runs beside it is told", async (t) => {
  assertNothingLeft(t);
  const boom = new Error("boom");
  for (const fail of [
    () => {
      throw boom;
    },
    async () => {
      await later(undefined);
      throw boom;
    },
  ]) {
    let told = false;
    const running = await start(
      (ssc) => {
        ssc.onDriver(({ signal }) => {
          return new Promise((resolve) =>
            signal.addEventListener("abort", () => {
              told = true;
              resolve();
            }),
          );
        });
        ssc.onDriver(fail);
        ssc.queueStream([[1]]).foreachRDD(() => {});
      },
      { trigger: "interval" },
    );
    await assert.rejects(running.awaitTermination(), (error) => {
      assert(MillraceError.is(error, "OUTPUT_FAILED"));
      assert.match(error.message, /^onDriver at outputs\.test\.ts:\d+:\d+ failed: boom$/);
      assert.equal(error.cause, boom);
      return true;
    });
    assert(told);
  }
});

test("onDriver: an endpoint is told when the streams end, by themselves or by a failure", async (t) => {
  assertNothingLeft(t);
  for (const fails of [false, true]) {
    let closed = false;
    const running = await start((ssc) => {
      ssc.onDriver(async ({ signal }) => {
        await new Promise((resolve) => signal.addEventListener("abort", resolve));
        await later(undefined);
        closed = true;
      });
      ssc.queueStream([[1]]).foreachRDD(() => {
        if (fails) throw new Error("boom");
      });
    });
    const end = running.awaitTermination();
    if (fails) await assert.rejects(end, { code: "OUTPUT_FAILED" });
    else await end;
    assert(closed, "it is waited for");
  }
});

test("an action of an RDD before the start is refused", async (t) => {
  assertNothingLeft(t);
  const ssc = new StreamingContext({ appName: "early", batchInterval: 20 });
  const rdd = ssc.parallelize([1]);
  await assert.rejects(rdd.count(), { code: "WRONG_STATE", message: /before the executors were started/ });
});

test("an action of an RDD on an executor is refused", async (t) => {
  assertNothingLeft(t);
  const running = await start((ssc) => {
    const rdd = ssc.parallelize([1]);
    ssc
      .queueStream([[1]])
      .mapAsync(() => rdd.count())
      .foreachRDD(async (batch) => void (await batch.count()));
  });
  await assert.rejects(running.awaitTermination(), {
    code: "ACTION_IN_TRANSFORM",
    message: /by a function that runs on an executor/,
    hint: /foreachRDD or onDriver/,
  });
});

test("a job that is always behind still hears that it shall stop", { timeout: 10_000 }, async (t) => {
  assertNothingLeft(t);
  const clock = new ManualClock(10_000);
  let batches = 0;
  const running = await start((ssc) => ssc.queueStream([[1]]).foreachRDD(() => clock.set(10_000 + 60 * ++batches)), {
    clock,
    trigger: "interval",
  });
  await clock.wakeNext();
  while (batches < 10) await nextTurn();
  await running.stop();
});
