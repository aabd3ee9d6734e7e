import assert from "node:assert/strict";
import { test } from "node:test";
import { link } from "./driver/chain.ts";
import type { Effect } from "./driver/sinks.ts";
import { isGreen } from "./run.ts";
import { judge, judgeState } from "./verdict.ts";

const records = [
  { partition: 0, offset: 0, key: "a", value: "x" },
  { partition: 0, offset: 2, key: "a", value: "y" },
  { partition: 1, offset: 0, key: "b", value: "z" },
];
const good: readonly Effect[] = [
  { output: "records", key: "0:0", value: "x" },
  { output: "records", key: "0:2", value: "y" },
  { output: "records", key: "1:0", value: "z" },
  { output: "folds", key: "a", value: "0,2" },
  { output: "folds", key: "b", value: "0" },
];
const none = { lost: 0, duplicated: 0, wrong: 0 };
const replaced = (index: number, effect: Partial<Effect>) => good.with(index, { ...good[index]!, ...effect });

test("what was done once is green, and anything else is not", () => {
  assert.deepEqual(judge(records, good), none);
  assert.deepEqual(judge(records, good.toSpliced(1, 1)), { ...none, lost: 1 });
  assert.deepEqual(judge(records, [...good, good[0]!]), { ...none, duplicated: 1 });
  assert.deepEqual(judge(records, replaced(0, { value: "another" })), { ...none, wrong: 1 });
  assert.deepEqual(judge(records, [...good, { output: "records", key: "0:1", value: "aborted" }]), {
    ...none,
    wrong: 1,
  });
  assert.deepEqual(judge(records, replaced(3, { value: "0" })), { ...none, lost: 1 });
  assert.deepEqual(judge(records, replaced(3, { value: "0,2,2" })), { ...none, duplicated: 1, wrong: 1 });
  assert.deepEqual(judge(records, replaced(3, { value: "2,0" })), { ...none, wrong: 1 });
});

test("a chain has each of its links once, as one run over all its values gives them", () => {
  const first = link("", "x");
  const chains = [
    { output: "chains", key: "a", value: `1:${first}` },
    { output: "chains", key: "a", value: `2:${link(first, "y")}` },
    { output: "chains", key: "b", value: `1:${link("", "z")}` },
  ];
  assert.equal(judgeState(records, chains), 0);
  assert.equal(judgeState(records, chains.slice(1)), 1);
  assert.equal(judgeState(records, [...chains, chains[0]!]), 1);
  assert.equal(judgeState(records, chains.with(1, { ...chains[1]!, value: `2:${link(link("", "y"), "x")}` })), 1);
});

test("a run is green when nothing is wrong, and something was tried everywhere", () => {
  const well = { records: 3, killPoints: { plan: 1 }, sinks: { files: none }, state: { wrong: 0 }, unexpected: [] };
  assert.equal(isGreen(well), true);
  const ill: readonly Partial<typeof well>[] = [
    { records: 0 },
    { killPoints: { plan: 0 } },
    { sinks: { files: { ...none, lost: 1 } } },
    { sinks: { files: { ...none, duplicated: 1 } } },
    { sinks: { files: { ...none, wrong: 1 } } },
    { state: { wrong: 1 } },
  ];
  for (const one of ill) assert.equal(isGreen({ ...well, ...one }), false, JSON.stringify(one));
  assert.equal(isGreen({ ...well, unexpected: ["strike 1: the driver: exit 1"] }), false);
});
