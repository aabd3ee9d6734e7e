import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { test } from "node:test";
import { stopOnSignals } from "../../src/stop-on-signals.ts";

/** A job that tells how it was asked to stop, and a process whose signals and time the test makes. */
function jobAndSignals() {
  const process = new EventEmitter();
  const stops: (boolean | undefined | "by force")[] = [];
  const time = { now: 1_000 };
  const job = {
    async stop({ graceful }: { graceful?: boolean } = {}) {
      stops.push(graceful);
      throw new Error("told by awaitTermination");
    },
  };
  const forced = () => stops.push("by force");
  const forget = stopOnSignals(job, undefined, forced, { process, now: () => time.now });
  return { process, stops, time, forget };
}

test("the first signal stops gracefully, a second one by force, whichever they are", () => {
  const { process, stops, time } = jobAndSignals();
  process.emit("SIGTERM");
  time.now += 1_000;
  process.emit("SIGINT");
  assert.deepEqual(stops, [true, "by force", false]);
});

test("one Ctrl-C that arrives twice, as under npm, does not force", () => {
  const { process, stops, time } = jobAndSignals();
  process.emit("SIGINT");
  time.now += 30;
  process.emit("SIGINT");
  assert.deepEqual(stops, [true]);
  time.now += 1_000;
  process.emit("SIGINT");
  assert.deepEqual(stops, [true, "by force", false]);
});

test("afterwards no handler is left", () => {
  const { process, stops, forget } = jobAndSignals();
  forget();
  process.emit("SIGINT");
  assert.deepEqual(stops, []);
  assert.deepEqual(process.eventNames(), []);
});
