/** Each flow gives the same in this process and on threads, straight through and killed and recovered half way. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { inspect } from "node:util";
import { Random } from "../../bench/data/random.ts";
import type { Flow } from "./flow.ts";
import { flows } from "./flows.ts";
import { nameOf, runFlow, WAYS, type Way } from "./run-flow.ts";

/** Threads take a second to start: as many of their runs as this, picked by the seed, unless all are asked for. */
const ON_THREADS = 4;

const { MILLRACE_SEED, MILLRACE_FLOWS } = process.env;
const seed = MILLRACE_SEED === undefined ? Date.now() % 1_000_000 : Number(MILLRACE_SEED);

const all = flows.flatMap((flow) => WAYS.map((way) => ({ flow, way })));
const inProcess = all.filter(({ way }) => way.master === "local");
const onThreads = all.filter(({ way }) => way.master !== "local");

describe(`flows, MILLRACE_SEED=${seed}`, () => {
  const random = new Random(seed);
  const sampled = Array.from({ length: ON_THREADS }, () => onThreads.splice(random.below(onThreads.length), 1)[0]!);
  const chosen = MILLRACE_FLOWS === "all" ? all : [...inProcess, ...sampled];
  for (const { flow, way } of chosen) {
    test(`${flow.name}, ${nameOf(way)}`, async (t) => {
      const outputs = await runFlow(flow, way, randomOf(flow, way), (what) => t.diagnostic(what));
      assert.deepEqual(outputs.map(inAnyOrder), flow.expected.map(inAnyOrder));
    });
  }
});

/** The same for a flow and a way, whatever else is chosen. */
function randomOf({ name }: Flow, way: Way): Random {
  const letters = [...`${name}, ${nameOf(way)}`].map((letter) => letter.charCodeAt(0));
  return new Random(letters.reduce((sum, code) => Math.imul(sum, 31) + code, seed));
}

const inAnyOrder = (values: readonly unknown[]) =>
  values.toSorted((a, b) => (inspect(a) < inspect(b) ? -1 : inspect(a) > inspect(b) ? 1 : 0));
