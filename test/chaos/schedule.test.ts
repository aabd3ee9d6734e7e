import assert from "node:assert/strict";
import { test } from "node:test";
import { SINKS } from "./options.ts";
import { makeSchedule, pointsOf } from "./schedule.ts";

const options = { seed: 7, kills: 120, sinks: SINKS, ownBrokers: true };

test("a schedule is the same list for the same seed, and another one for another", () => {
  assert.deepEqual(makeSchedule(options), makeSchedule(options));
  assert.notDeepEqual(makeSchedule(options), makeSchedule({ ...options, seed: 8 }));
});

test("a longer schedule begins like a shorter one, so that a strike can be seen again", () => {
  assert.deepEqual(makeSchedule({ ...options, kills: 50 }), makeSchedule(options).slice(0, 50));
});

test("every point is struck before any is struck again, and every fault comes", () => {
  const points = pointsOf(options).map(({ name }) => name);
  const schedule = makeSchedule(options);
  const struck = schedule.slice(1, points.length + 1).map(({ point }) => point);
  assert.deepEqual(struck.toSorted(), points.toSorted());
  const faults = new Set(pointsOf(options).flatMap((point) => point.faults));
  assert.deepEqual(new Set(schedule.map(({ fault }) => fault)), faults);
});

test("forty strikes come to every point", () => {
  const struck = new Set(makeSchedule({ ...options, kills: 40 }).map(({ point }) => point));
  assert.deepEqual(struck, new Set(makeSchedule(options).map(({ point }) => point)));
});

test("a point of one sink is struck in its own job", () => {
  for (const { point, sink } of makeSchedule(options)) {
    const owner = SINKS.find((name) => point.startsWith(`${name}: `));
    if (owner !== undefined && !/: reply of (ListOffsets|Fetch)/.test(point)) assert.equal(sink, owner, point);
  }
});
