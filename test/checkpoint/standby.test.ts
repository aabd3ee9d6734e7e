import assert from "node:assert/strict";
import { test } from "node:test";
import { Checkpoint } from "../../src/checkpoint/checkpoint.ts";
import { awaitTurn } from "../../src/checkpoint/standby.ts";
import type { Clock } from "../../src/model/clock.ts";
import { MemoryDisk } from "./memory-store.ts";

const never = new AbortController().signal;

/** Time passes when somebody sleeps; `meanwhile` happens then. */
function clock(meanwhile: (now: number) => void | Promise<void> = () => {}): Clock {
  let now = 0;
  return {
    now: () => now,
    async sleepUntil(time, signal) {
      signal.throwIfAborted();
      now = time;
      await meanwhile(now);
    },
  };
}

test("a standby takes a checkpoint that nobody has", async () => {
  assert.equal(await awaitTurn(new MemoryDisk().store(), { clock: clock(), silenceMs: 30_000, signal: never }), "free");
});

test("a standby waits while the other driver writes, and takes over when it has stopped well", async () => {
  const disk = new MemoryDisk();
  const active = await Checkpoint.open(disk.store(), "job");
  let starts = 0;
  const time = clock(async (now) => {
    if (now % 10_000 !== 0) return;
    if (++starts < 8) await active.start({});
    else await active.release();
  });
  assert.equal(await awaitTurn(disk.store(), { clock: time, silenceMs: 30_000, signal: never }), "released");
  assert.equal(time.now(), 80_000);
  assert.equal((await Checkpoint.open(disk.store(), "job")).epoch, 2);
});

test("a standby takes over from a driver that is silent, which finds itself fenced when it wakes", async () => {
  const disk = new MemoryDisk();
  const silent = await Checkpoint.open(disk.store(), "job");
  const time = clock();
  assert.equal(await awaitTurn(disk.store(), { clock: time, silenceMs: 30_000, signal: never }), "silent");
  assert.equal(time.now(), 30_000);
  await Checkpoint.open(disk.store(), "job");
  await assert.rejects(silent.start({}), { code: "FENCED" });
});

test("a clock that is set back does not keep a standby waiting", async () => {
  const disk = new MemoryDisk();
  await Checkpoint.open(disk.store(), "job");
  let slept = 0;
  const hour = 3_600_000;
  let now = hour;
  const time: Clock = {
    now: () => now,
    async sleepUntil(until) {
      slept += until - now;
      now = slept === 10_000 ? until - hour : until;
    },
  };
  assert.equal(await awaitTurn(disk.store(), { clock: time, silenceMs: 30_000, signal: never }), "silent");
  assert.equal(slept, 40_000);
});

test("a standby that is stopped says so, and has taken nothing", async () => {
  const disk = new MemoryDisk();
  await Checkpoint.open(disk.store(), "job");
  const stop = new AbortController();
  const time = clock(() => stop.abort());
  await assert.rejects(awaitTurn(disk.store(), { clock: time, silenceMs: 30_000, signal: stop.signal }), {
    code: "STOPPED",
  });
  assert.equal(disk.segments.size, 1);
});
