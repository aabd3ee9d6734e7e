import assert from "node:assert/strict";
import { test } from "node:test";
import { isDeepStrictEqual } from "node:util";
import { readRange } from "../../src/kafka/reading/range-reader.ts";
import { valuesOf } from "../helpers/chunk-values.ts";
import { createTopic, leaders, moveLeader, withThreeBrokers } from "../helpers/kafka.ts";
import { produceMany } from "../helpers/produce.ts";
import { countRequests, LIST_OFFSETS, METADATA } from "../helpers/requests.ts";
import { waitUntil } from "../helpers/wait-until.ts";
import { decoders, openCluster, wholePartition } from "./read-all.ts";

test("leaders move, and die, in the middle of a range", async (t) => {
  const kafka = await withThreeBrokers(t);
  const { bootstrap } = kafka;
  const topic = await createTopic(t, {
    bootstrap,
    assignments: [
      [1, 2],
      [2, 1],
      [3, 1],
      [1, 3],
    ],
  });
  const params = { "bootstrap.servers": bootstrap, "max.partition.fetch.bytes": 1 };
  for (let part = 0; part < 5; part++) {
    await produceMany(topic, 40, (i) => `${part}-${i}`, { bootstrap, partitions: 4 });
  }
  const expected = Array.from({ length: 50 }, (_, i) => `${Math.floor(i / 10)}-${(i % 10) * 4}`);
  await using cluster = openCluster(params);
  const all = [0, 1, 2, 3].map((partition) => ({ topic, partition }));
  const offsets = async () => [...(await cluster.latestOffsets(all)).values()];
  const fifty = all.map(() => 50);
  await waitUntil("all replicas have all records", async () => isDeepStrictEqual(await offsets(), fifty));

  await t.test("one request asks each leader for all its partitions", async () => {
    await cluster.topics([topic]);
    const requests = await countRequests(LIST_OFFSETS, async () => {
      assert.deepEqual(await offsets(), fifty);
    });
    assert.equal(requests, 3);
  });

  const readWith = async (between: () => Promise<unknown>) => {
    const values: (string | null)[] = [];
    for await (const chunk of readRange(cluster, await wholePartition(cluster, topic), { decoders })) {
      for (const { value } of valuesOf(chunk)) values.push(value);
      if (values.length === 20) await between();
    }
    assert.deepEqual(values, expected);
  };

  await t.test(
    "a leader is asked under the epoch it is known by: one that has led another since is looked up again",
    async () => {
      await cluster.latestOffsets(all);
      await moveLeader(kafka, topic, 1, 1);
      await moveLeader(kafka, topic, 1, 2);
      const lookups = await countRequests(METADATA, async () => {
        assert.deepEqual([...(await cluster.latestOffsets(all)).values()], fifty);
      });
      assert.ok(lookups > 0);
    },
  );

  await t.test("a leader that moved is found again", () => readWith(() => moveLeader(kafka, topic, 0, 2)));

  await t.test("a leader that died is replaced", async () => {
    await readWith(() => kafka.killBroker(2));
    await waitUntil("broker 1 leads", async () => (await leaders(topic, bootstrap))[0] === 1);
    assert.deepEqual(await offsets(), fifty);
    await kafka.startBroker(2);
  });

  await t.test("a partition without leader is named", async () => {
    const lone = { topic: await createTopic(t, { bootstrap, assignments: [[3]] }), partition: 0 };
    await kafka.killBroker(3);
    await waitUntil("the partition has no leader", async () => {
      const [info] = await cluster.topics([lone.topic]);
      return info?.partitions[0]?.leader === -1;
    });
    await using impatient = openCluster(params, { deadlineMs: 500 });
    await assert.rejects(impatient.latestOffsets([lone]), {
      code: "NO_LEADER",
      message: `Partition ${lone.topic}-0 has had no leader for 0.5 s.`,
      at: lone,
    });
  });
});
