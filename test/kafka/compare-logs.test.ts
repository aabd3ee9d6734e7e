/** What the answers of leaders say. On real brokers: unclean-election.test.ts. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { compareLogs } from "../../src/kafka/compare-logs.ts";
import type { KafkaCluster } from "../../src/kafka/connection/cluster.ts";
import { PartitionMap } from "../../src/model/partition-map.ts";

const partition = { topic: "t", partition: 0, topicId: "id" };
const border = { epoch: 3, offset: 50 };

/** Read up to `offset` under epoch 5; the leader of now says that epoch `epoch`, the last one up to 5 that it knows, ends at 90. */
async function commonEnd(offset: number, epoch: number, cleanupPolicy: string | undefined) {
  const answers: Partial<KafkaCluster> = {
    endsOfEpochs: async () => new PartitionMap([[partition, { epoch, offset: 90 }]]),
    topicConfigs: async (topics) => topics.map((topic) => ({ topic, code: 0, value: cleanupPolicy })),
  };
  const place = { ...partition, offset, end: offset, leaderEpoch: 5, epochBorder: border };
  const compared = await compareLogs(
    answers as KafkaCluster,
    [{ ...partition, place, epoch: 5 }],
    new AbortController().signal,
  );
  assert.deepEqual(compared.get(partition)?.border, { epoch: 5, offset: 90 });
  return compared.get(partition)?.commonEnd;
}

test("a leader that knows no epoch behind the border has nothing of what was read there", async () => {
  assert.equal(await commonEnd(60, 5, "delete"), 90);
  assert.equal(await commonEnd(60, 4, "delete"), 90, "an epoch behind the border, though not the last one");
  assert.equal(await commonEnd(60, 3, "delete"), 50);
  assert.equal(await commonEnd(50, 3, "delete"), 90, "nothing was read there");
});

test("of a compacted topic, or one of which that is not known, that says nothing", async () => {
  assert.equal(await commonEnd(60, 3, "compact,delete"), 90);
  assert.equal(await commonEnd(60, 3, undefined), 90);
});
