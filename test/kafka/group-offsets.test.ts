/** A Kafka group as the place to start from, and as the place to tell how far a stream has come. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { Consumer } from "@platformatic/kafka";
import type { MillraceError } from "millrace";
import { Checkpoint } from "../../src/checkpoint/checkpoint.ts";
import { GroupCommits } from "../../src/kafka/group-commits.ts";
import { MemoryDisk } from "../checkpoint/memory-store.ts";
import { assertRefused } from "../helpers/assert-error.ts";
import { holdStream } from "../helpers/held-stream.ts";
import { bootstrapServers, createTopic, deleteRecordsBefore } from "../helpers/kafka.ts";
import { produce, produceMany } from "../helpers/produce.ts";
import { asAdmin } from "./read-all.ts";

const newGroup = () => `test-group-${randomBytes(4).toString("hex")}`;

/** As Kafka's own tools would write and read them. */
async function writeOffsets(groupId: string, topic: string, offsets: Readonly<Record<number, number>>): Promise<void> {
  const partitionOffsets = Object.entries(offsets).map(([partition, offset]) => ({
    partition: Number(partition),
    offset: BigInt(offset),
  }));
  await asAdmin((admin) => admin.alterConsumerGroupOffsets({ groupId, topics: [{ name: topic, partitionOffsets }] }));
}

async function readOffsets(groupId: string): Promise<Record<string, number>> {
  const offsets: Record<string, number> = {};
  await asAdmin(async (admin) => {
    const [group] = await admin.listConsumerGroupOffsets({ groups: [groupId] });
    for (const { name, partitions } of group?.topics ?? []) {
      for (const { partitionIndex, committedOffset } of partitions) {
        if (committedOffset >= 0n) offsets[`${name}-${partitionIndex}`] = Number(committedOffset);
      }
    }
  });
  return offsets;
}

test("startFromGroup starts where the group has committed; elsewhere fromOffsets and auto.offset.reset say it", async (t) => {
  const topic = await createTopic(t, { partitions: 3 });
  await produceMany(topic, 12, (i) => `v${i}`, { partitions: 3 });
  const group = newGroup();
  await writeOffsets(group, topic, { 0: 3, 1: 1 });
  const params = { "group.id": group, "auto.offset.reset": "earliest" } as const;
  const stream = { startFromGroup: true, fromOffsets: { [topic]: { 1: 3 } } };
  const held = await holdStream(t, [topic], { params, stream });
  assert.deepEqual(await held.batch(), ["0:3=v9", "1:3=v10", "2:0=v2", "2:1=v5", "2:2=v8", "2:3=v11"]);
  assert.deepEqual(await readOffsets(group), { [`${topic}-0`]: 3, [`${topic}-1`]: 1 }, "nothing is committed unasked");
});

test("commitToGroup commits complete batches, none that failed, and the last one before a stop returns", async (t) => {
  const topic = await createTopic(t, { partitions: 2 });
  await produceMany(topic, 6, String, { partitions: 2 });
  const group = newGroup();
  const params = { "group.id": group, "auto.offset.reset": "earliest" } as const;
  const stream = { commitToGroup: true };
  const first = await holdStream(t, [topic], { params, stream });
  assert.deepEqual(await readOffsets(group), {}, "a start commits nothing");
  await first.batch();
  await first.stop();
  const committed = { [`${topic}-0`]: 3, [`${topic}-1`]: 3 };
  assert.deepEqual(await readOffsets(group), committed);
  await produceMany(topic, 2, String, { partitions: 2 });
  const beforeReading = () => {
    throw new Error("the output fails");
  };
  const failing = await holdStream(t, [topic], { params, stream, disk: first.disk, beforeReading });
  await failing.failure();
  assert.deepEqual(await readOffsets(group), committed);
  await asAdmin(async (admin) => {
    const groups = await admin.describeGroups({ groups: [group] });
    assert.equal(groups.get(group)?.members.size, 0, "the group was never joined");
  });
});

test("commitToGroup commits nothing of a batch during which another driver has taken over", async (t) => {
  const topic = await createTopic(t);
  await produceMany(topic, 3, String);
  const group = newGroup();
  const params = { "group.id": group, "auto.offset.reset": "earliest" } as const;
  const disk = new MemoryDisk();
  const beforeReading = async () => void (await Checkpoint.open(disk.store(), "held"));
  const replaced = await holdStream(t, [topic], { params, stream: { commitToGroup: true }, disk, beforeReading });
  assert.equal(((await replaced.failure()) as MillraceError).code, "FENCED");
  assert.deepEqual(await readOffsets(group), {});
});

test("without a checkpoint a stream goes on by its group; a checkpoint wins over it", async (t) => {
  const topic = await createTopic(t);
  await produceMany(topic, 3, String);
  const group = newGroup();
  const params = { "group.id": group, "auto.offset.reset": "earliest" } as const;
  const stream = { startFromGroup: true, commitToGroup: true };
  const first = await holdStream(t, [topic], { params, stream });
  assert.deepEqual(await first.batch(), ["0:0=0", "0:1=1", "0:2=2"]);
  await first.stop();
  await produce(topic, [{ value: "3" }]);
  const anew = await holdStream(t, [topic], { params, stream });
  assert.deepEqual(await anew.batch(), ["0:3=3"]);
  await writeOffsets(group, topic, { 0: 0 });
  const restarted = await holdStream(t, [topic], { params, stream, disk: first.disk });
  assert.deepEqual(await restarted.batch(), ["0:3=3"]);
});

test("an offset of the group whose records have expired is lost data", async (t) => {
  const topic = await createTopic(t);
  await produceMany(topic, 6, String);
  const group = newGroup();
  await writeOffsets(group, topic, { 0: 1 });
  await deleteRecordsBefore(topic, 4);
  const params = { "group.id": group, "auto.offset.reset": "earliest" } as const;
  const refused = holdStream(t, [topic], { params, stream: { startFromGroup: true } });
  await assertRefused(refused, "OFFSETS_LOST", /range: \[1 -> 4\]/, /failOnDataLoss: false/);
  const lenient = await holdStream(t, [topic], { params, stream: { startFromGroup: true, failOnDataLoss: false } });
  assert.deepEqual(await lenient.batch(), ["0:4=4", "0:5=5"]);
  const range = { topic, partition: 0, fromOffset: 1, untilOffset: 4 };
  assert.deepEqual(lenient.losses, [{ range, reason: "expired" }]);
});

test("a group that others have joined takes no commit: a warning, once, and the stream goes on", async (t) => {
  const topic = await createTopic(t);
  const group = newGroup();
  const member = new Consumer({ clientId: "member", groupId: group, bootstrapBrokers: bootstrapServers().split(",") });
  t.after(() => member.close(true));
  await member.topics.trackAll(topic);
  await member.joinGroup({});
  const warnings: string[] = [];
  const logger = { debug() {}, info() {}, error() {}, warn: (_: object, message = "") => void warnings.push(message) };
  const stream = await holdStream(t, [topic], {
    params: { "group.id": group },
    stream: { commitToGroup: true },
    logger,
  });
  for (const value of ["a", "b"]) {
    await produce(topic, [{ value }]);
    assert.equal((await stream.batch()).length, 1);
  }
  await stream.stop();
  assert.equal(warnings.length, 1, warnings.join());
  assert.match(
    warnings[0]!,
    new RegExp(
      `^Offsets were not committed to the Kafka group "${group}": .*the group has members\\. The stream goes on\\.$`,
    ),
  );
  assert.deepEqual(await readOffsets(group), {});
});

test("one commit is under way at a time; of what comes meanwhile only the newest is sent, and nothing twice", async () => {
  const sent: { readonly offset: number; answer(error?: Error): void }[] = [];
  const warnings: string[] = [];
  const commit = (offsets: readonly { offset: number }[]) => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    sent.push({ offset: offsets[0]!.offset, answer: (error) => (error === undefined ? resolve() : reject(error)) });
    return promise;
  };
  const commits = new GroupCommits({ name: "g", commit }, (_, message) => warnings.push(message));
  const offer = (offset: number) => commits.offer([{ topic: "t", partition: 0, offset }]);
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  for (const offset of [1, 2, 3]) offer(offset);
  await turn();
  assert.deepEqual(
    sent.map(({ offset }) => offset),
    [1],
  );
  sent[0]!.answer();
  await turn();
  assert.deepEqual(
    sent.map(({ offset }) => offset),
    [1, 3],
  );
  const flushed = commits.flush();
  sent[1]!.answer();
  await flushed;
  offer(3);
  await commits.flush();
  assert.equal(sent.length, 2, "an idle stream commits nothing");
  for (const error of [new Error("no"), new Error("still no"), undefined, new Error("again no")]) {
    offer(4 + sent.length);
    sent.at(-1)!.answer(error);
    await commits.flush();
  }
  assert.deepEqual(
    warnings.map((text) => /: (.*)\. The/.exec(text)?.[1]),
    ["no", "again no"],
  );
});
