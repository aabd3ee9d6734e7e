import assert from "node:assert/strict";
import { test } from "node:test";
import type { BatchLimits } from "../../src/graph/source.ts";
import { DirectStreamPlanner } from "../../src/kafka/direct-stream.ts";
import { createTopic } from "../helpers/kafka.ts";
import { produceMany } from "../helpers/produce.ts";
import { countRequests, LIST_OFFSETS, OFFSET_FOR_LEADER_EPOCH } from "../helpers/requests.ts";
import { openCluster } from "./read-all.ts";

const limits: BatchLimits = {
  intervalMs: 1000,
  maxRatePerPartition: undefined,
  minRatePerPartition: undefined,
  maxRate: undefined,
  maxBytes: Number.POSITIVE_INFINITY,
};

test("a plan asks each leader once; where there are records to read once more, whether they are still there", async (t) => {
  const topic = await createTopic(t, { partitions: 3 });
  const cluster = openCluster({ "auto.offset.reset": "earliest" });
  const plan = {
    topics: [topic],
    failOnDataLoss: true,
    fromOffsets: undefined,
    startingTimestamp: undefined,
    minPartitions: undefined,
    startFrom: undefined,
    commitTo: undefined,
  };
  const planner = new DirectStreamPlanner(cluster, plan, () => {});
  const { signal } = new AbortController();
  try {
    await planner.open(signal, undefined);
    const planOnce = async () => {
      const { slices } = await planner.plan(limits, signal);
      planner.complete(slices, { records: 0, bytes: 0, lossy: false });
    };
    assert.equal(await countRequests(LIST_OFFSETS, planOnce), 1);
    await produceMany(topic, 6, (i) => `${i}`, { partitions: 3 });
    assert.equal(await countRequests(LIST_OFFSETS, planOnce), 2);
    assert.equal(await countRequests(LIST_OFFSETS, planOnce), 1);
    assert.equal(await countRequests(OFFSET_FOR_LEADER_EPOCH, planOnce), 0, "that is asked when a leader has changed");
  } finally {
    await planner.close();
  }
});
