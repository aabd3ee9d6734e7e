/** Who only counts records is known, so that none is decoded for it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { collectorOf } from "../../src/executor/consumer.ts";
import { compose, Flow, newBranch } from "../../src/executor/pipeline.ts";
import type { TaskContext } from "../../src/model/plan.ts";
import { filter } from "../../src/operators/filter.ts";
import { countPartition } from "../../src/operators/fold.ts";

const count = () => collectorOf({ kind: "count" }, "count");
const collect = () => collectorOf({ kind: "collect" }, "collect");
const task = {} as TaskContext;

/** Of a task with these consumers. */
function countsOnly(...receivers: ReturnType<typeof count>[]): boolean {
  const branch = { ...newBranch(), receivers };
  return compose(branch, new Flow(new AbortController().signal), () => task).receiver.countsOnly === true;
}

test("counting looks at nothing, whatever is done with the number", () => {
  assert.equal(countsOnly(count()), true);
  assert.equal(countsOnly(count(), count()), true);
  assert.equal(countPartition().bind(collect(), "count", task).countsOnly, true);
});

test("one that looks at the values is enough", () => {
  assert.equal(countsOnly(collect()), false);
  assert.equal(countsOnly(count(), collect()), false);
  assert.equal(filter(() => true).bind(count(), "filter", task).countsOnly, undefined);
});
