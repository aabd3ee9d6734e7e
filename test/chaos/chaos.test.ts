import assert from "node:assert/strict";
import { test } from "node:test";
import { bootstrapServers } from "../helpers/kafka.ts";
import { SINKS } from "./options.ts";
import { isGreen, runChaos, type Struck } from "./run.ts";

/** The first strikes of a schedule that has one of each kind among them; `npm run chaos` is the long one, with brokers that die. */
test("ten strikes leave every record in every sink once", { timeout: 240_000 }, async () => {
  const trace: Struck[] = [];
  const options = { kills: 10, seed: 7, sinks: SINKS, brokers: bootstrapServers(), only: undefined };
  const report = await runChaos(options, (struck) => trace.push(struck));
  const told = JSON.stringify({ report, trace }, undefined, 1);
  assert.ok(report.records > 300, told);
  assert.ok(isGreen(report), told);
});
