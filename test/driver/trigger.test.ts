import assert from "node:assert/strict";
import { test } from "node:test";
import type { PlannedBatch, Stream } from "../../src/driver/plan-batch.ts";
import { triggerOf } from "../../src/driver/trigger.ts";
import { resolveOptions } from "../../src/job/options.ts";
import type { PartitionRates } from "../../src/model/partition-rates.ts";
import { ManualClock } from "../helpers/manual-clock.ts";

const never = new AbortController().signal;

function planned(records: number, lag: number, counts: readonly number[] = [records]): PlannedBatch {
  const slices = counts.map((count, partition) => ({
    topic: "t",
    partition: partition % 2,
    fromOffset: 0,
    untilOffset: count,
  }));
  return {
    plan: { seq: 1, batchTime: 1, epoch: 1, slices: { s: slices } },
    inputs: [{ name: "s", records, lag, offsetRanges: [], partitions: [], skipped: 0 }],
    losses: [],
    moved: {},
  };
}

function onData(
  streams: readonly Stream[],
  batchInterval: number,
  { maxRatePerPartition, looksBack = false }: { maxRatePerPartition?: PartitionRates; looksBack?: boolean } = {},
) {
  const clock = new ManualClock(10_000);
  const given = { appName: "a", batchInterval, trigger: "onData", maxRatePerPartition } as const;
  return {
    clock,
    trigger: triggerOf(resolveOptions("test", given), clock, streams, {
      states: looksBack ? [{} as never] : [],
      windows: [],
      panes: [],
    }),
  };
}

/** A stream that has no data until the test says so. */
function stream() {
  let give = () => {};
  const signals: AbortSignal[] = [];
  const awaitData = (signal: AbortSignal) => {
    signals.push(signal);
    return new Promise<void>((resolve) => (give = resolve));
  };
  return { stream: { planner: { awaitData } } as Partial<Stream> as Stream, give: () => give(), signals };
}

test("onData plans at once, and after an empty plan when a stream has something; who still waits is told to stop", async () => {
  const [a, b] = [stream(), stream()];
  const { trigger } = onData([a.stream, b.stream], 1000);
  assert.equal(await trigger.next(undefined, never), 10_000);
  assert.equal(trigger.judge(planned(0, 0)), "drop");
  const next = trigger.next(10_000, never);
  b.give();
  assert.equal(await next, 10_001);
  assert.ok(a.signals[0]!.aborted);
  assert.equal(trigger.judge(planned(0, 1)), "run", "an empty list of a queue is a batch");
  assert.equal(await trigger.next(10_001, never), 10_002);
});

test("onData looks again after an interval, and never more often than once a second", async () => {
  for (const [interval, pause] of [
    [20, 1_000],
    [5_000, 5_000],
  ] as const) {
    const { trigger, clock } = onData([stream().stream], interval);
    trigger.judge(planned(0, 0));
    const next = trigger.next(undefined, never);
    assert.equal(await clock.wakeNext(), 10_000 + pause);
    assert.equal(await next, 10_000 + pause);
  }
});

test("onData keeps maximum rates: a batch is followed by the time that its fullest partition stands for", async () => {
  const maxRatePerPartition = { t: { 0: 100, 1: 1000 } };
  const { trigger, clock } = onData([], 60_000, { maxRatePerPartition });
  assert.equal(trigger.judge(planned(50, 0, [10, 300, 10])), "run");
  const next = trigger.next(10_000, never);
  assert.equal(
    await clock.wakeNext(),
    10_300,
    "300 at 1000 a second; the 10 and 10 of partition 0 at 100 a second are 200 ms",
  );
  assert.equal(await next, 10_300);
  trigger.judge(planned(50, 0, [40, 300]));
  const after = trigger.next(10_300, never);
  assert.equal(await clock.wakeNext(), 10_700);
  assert.equal(await after, 10_700);
});

test("onData does not wait longer for its rate when the clock is set back while a batch runs", async () => {
  const { trigger, clock } = onData([], 60_000, { maxRatePerPartition: 100 });
  assert.equal(trigger.judge(planned(50, 0)), "run");
  clock.set(1_000);
  const next = trigger.next(10_000, never);
  assert.equal(await clock.wakeNext(), 1_500);
  assert.equal(await next, 10_001);
});

test("a clock that is set back by more than two intervals does not hold up the times of batches without a pause", async () => {
  const hour = 3_600_000;
  const clock = new ManualClock(2 * hour);
  const { next } = triggerOf(
    resolveOptions("test", { appName: "a", batchInterval: 1000, trigger: "availableNow" }),
    clock,
    [],
    {
      states: [],
      windows: [],
      panes: [],
    },
  );
  let last: number | undefined;
  const at = async (now: number) => {
    clock.set(now);
    last = await next(last, never);
    return last - 2 * hour;
  };
  assert.equal(await at(2 * hour), 0);
  assert.equal(await at(hour), 1, "an hour back");
  assert.equal(await at(hour + 700), 700);
  assert.equal(await at(hour + 30_000), 30_000, "as fast as the clock");
  assert.equal(await at(hour - 30_000), 30_001, "back again");
  assert.equal(await at(hour - 20_000), 40_000);
  assert.equal(await at(2 * hour + 50_000), 50_000, "it has caught up");
  assert.equal(await at(2 * hour + 49_000), 50_001, "a little: times wait for it");
  assert.equal(await at(2 * hour + 49_900), 50_002);
  assert.equal(await at(2 * hour + 50_500), 50_500);
});

test("onData runs an empty batch an interval after the one before where windows or states wait for it", async () => {
  const { trigger, clock } = onData([stream().stream], 5_000, { looksBack: true });
  assert.equal(trigger.judge(planned(0, 0)), "run", "the first one");
  clock.set(11_000);
  assert.equal(await trigger.next(10_000, never), 11_000);
  assert.equal(trigger.judge(planned(0, 0)), "drop");
  const next = trigger.next(10_000, never);
  assert.equal(await clock.wakeNext(), 15_000);
  assert.equal(await next, 15_000);
  assert.equal(trigger.judge(planned(0, 0)), "run");
  clock.set(1_000);
  assert.equal(trigger.judge(planned(0, 0)), "drop");
  void trigger.next(15_000, never);
  assert.equal(await clock.untilAsleep(), 6_000, "also when the clock was set back");
});

test("onData rejects with the reason of a stop", async () => {
  const { trigger } = onData([stream().stream], 1000);
  trigger.judge(planned(0, 0));
  const stopping = new AbortController();
  const next = trigger.next(undefined, stopping.signal);
  stopping.abort(new Error("stop"));
  await assert.rejects(next, { message: "stop" });
});
