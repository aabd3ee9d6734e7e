import assert from "node:assert/strict";
import { test } from "node:test";
import { supervise } from "../../src/cli/supervise.ts";

/** Time passes only when somebody sleeps, or a driver runs. */
function world(
  ends: readonly { code: number; signal?: NodeJS.Signals; after?: number; stopAsked?: boolean }[],
  standby = false,
) {
  let now = 0;
  let started = 0;
  const pauses: number[] = [];
  const log: string[] = [];
  const line = (_fields: object, message = "") => void log.push(message);
  return {
    pauses,
    log,
    started: () => started,
    run: () =>
      supervise(
        async () => {
          const { code, signal, after = 0, stopAsked = false } = ends[started++]!;
          now += after;
          return { code, signal, stopAsked };
        },
        { debug: line, info: line, warn: line, error: line },
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

test("each end is told: by exit code or signal, and when the next start follows", async () => {
  const { run, log } = world([{ code: 1 }, { code: 1, signal: "SIGKILL" }, { code: 2 }]);
  await run();
  assert.deepEqual(log, [
    "the driver ended with exit code 1; it starts again in 1 s (restart 1); the pauses double up to 60 s",
    "the driver was ended by SIGKILL; it starts again in 2 s (restart 2); the pauses double up to 60 s",
    "the driver ended with exit code 2: an option or the job is wrong, or somebody has to decide. It is not started again",
  ]);
});
