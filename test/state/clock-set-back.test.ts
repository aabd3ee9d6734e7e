import assert from "node:assert/strict";
import { test } from "node:test";
import { defineJob, runJob, type State } from "millrace";
import { ManualClock } from "../helpers/manual-clock.ts";

const HOUR_MS = 3_600_000;

/** In seconds since the start, as the labels of the batches tell. With onData the three lists come at once. */
const expected = {
  interval: [
    [2, "window", 2],
    [4, "window", 4],
    [5, "timed out", 1],
    [6, "timed out", 2],
    [6, "window", 2],
    [7, "timed out", 3, 4],
  ],
  onData: [
    [0, "window", 1],
    [2, "window", 4],
    [3, "timed out", 1, 2],
    [4, "timed out", 3, 4],
    [4, "window", 3],
  ],
};

for (const trigger of ["interval", "onData"] as const) {
  test(`with ${trigger} windows slide and keys time out at their pace when the clock is set back an hour`, async () => {
    const clock = new ManualClock(2 * HOUR_MS);
    const given: unknown[] = [];
    const job = defineJob({ appName: "set-back", batchInterval: "1s", master: "local", trigger }, (ssc) => {
      const stream = ssc.queueStream([[1], [2], [3, 4]]);
      const take = (name: string, values: readonly unknown[], time: number) => {
        if (values.length > 0) given.push([Math.floor((time - 2 * HOUR_MS) / 1000), name, ...values]);
      };
      stream.foreachRDD(async (rdd) => {
        if ((await rdd.collect()).includes(3)) clock.set(clock.now() - HOUR_MS);
      });
      const last = (key: number, _value: number | undefined, state: State<number>) => {
        if (state.isTimingOut()) return key;
        state.update(key);
        return undefined;
      };
      stream
        .map((n) => [n, n])
        .mapWithState(last, { name: "last", timeout: "3s" })
        .foreachRDD(async (rdd, time) => take("timed out", await rdd.collect(), time));
      stream
        .countByWindow({ name: "counts", window: "4s", slide: "2s" })
        .filter((n) => n > 0)
        .foreachRDD(async (rdd, time) => take("window", await rdd.collect(), time));
    });
    await using _ = await runJob(job, { clock });
    for (let tick = 0; tick < 9; tick++) await clock.wakeNext();
    await clock.untilAsleep();
    assert.ok(clock.now() < 2 * HOUR_MS);
    assert.deepEqual(given, expected[trigger]);
  });
}
