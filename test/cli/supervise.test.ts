import assert from "node:assert/strict";
import { test } from "node:test";
import { supervise } from "../../src/cli/supervise.ts";

/** Time passes only when somebody sleeps, or a driver runs. */
function world(ends: readonly { code: number; after?: number; stopAsked?: boolean }[], standby = false) {
  let now = 0;
  let started = 0;
  const pauses: number[] = [];
  return {
    pauses,
    started: () => started,
    run: () =>
      supervise(
        async () => {
          const { code, after = 0, stopAsked = false } = ends[started++]!;
          now += after;
          return { code, stopAsked };
        },
        {
          standby,
          clock: {
            now: () => now,
            sleepUntil: async (time) => {
              pauses.push(time - now);
              now = time;
            },
          },
        },
      ),
  };
}

test("a driver that fails is started again, after pauses that double up to a minute", async () => {
  const { run, pauses } = world([...Array.from({ length: 9 }, () => ({ code: 1 })), { code: 0 }]);
  assert.equal(await run(), 0);
  assert.deepEqual(pauses, [1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000, 60000]);
});

test("after a driver that ran for long the pause is short again", async () => {
  const { run, pauses } = world([{ code: 1 }, { code: 1 }, { code: 1, after: 120_000 }, { code: 1 }, { code: 0 }]);
  await run();
  assert.deepEqual(pauses, [1000, 2000, 1000, 2000]);
});

test("a driver that another one has replaced, or whose options are wrong, is never started again", async () => {
  for (const code of [2, 3]) {
    const { run, started } = world([{ code }]);
    assert.equal(await run(), code);
    assert.equal(started(), 1);
  }
});

test("a driver that was asked to stop is not started again, however it ended", async () => {
  const { run, started } = world([{ code: 1, stopAsked: true }]);
  assert.equal(await run(), 1);
  assert.equal(started(), 1);
});

test("a driver that was replaced is started again only to wait for its turn", async () => {
  const { run, started } = world([{ code: 3 }, { code: 0 }], true);
  assert.equal(await run(), 0);
  assert.equal(started(), 2);
});
